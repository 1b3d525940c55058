//! Arrays that are kept as text and walked only if someone needs them.

use super::{Reader, Result};

/// A JSON array kept as text; its grammar was checked when it was read.
#[derive(Clone, Copy, Debug)]
pub struct JsonList<'a>(pub(super) &'a str);

impl Default for JsonList<'_> {
    fn default() -> Self {
        Self("[]")
    }
}

impl<'a> JsonList<'a> {
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0[1..].trim_start().starts_with(']')
    }

    /// Calls `visit` with each text (or number as text) until it returns `false`.
    pub fn each_text(&self, mut visit: impl FnMut(&str) -> bool) {
        let mut going = true;
        self.each(|reader| {
            match reader.text()? {
                Some(text) if going => going = visit(&text),
                _ => {}
            }
            Ok(())
        });
    }

    /// Calls `on_element` before each element; see [`Reader::array`].
    pub fn each(&self, on_element: impl FnMut(&mut Reader<'a>) -> Result<()>) {
        // The grammar was checked when the list was cut out, so no error can come.
        let _ = Reader::new(self.0).array(on_element);
    }
}
