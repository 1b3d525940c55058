//! Repeated fields that are kept as bytes and walked only if someone needs them.

use super::wire::{Field, Message, Result};

/// A repeated field: the message from its first element on, and which field it is.
#[derive(Clone, Copy, Debug)]
pub struct Repeated<'a> {
    from_first: &'a [u8],
    number: u32,
    elements: Elements,
}

/// What the elements are, which the wire does not say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::openrtb) enum Elements {
    /// Texts or messages, one a field.
    Delimited,
    /// Whole numbers, packed or not.
    Integers,
}

impl<'a> Repeated<'a> {
    pub(in crate::openrtb) fn starting_at(field: &Field<'a>, elements: Elements) -> Self {
        Self { from_first: field.from_here, number: field.number, elements }
    }

    /// Calls `visit` with each text (or number as text) until it returns `false`.
    pub fn each_text(&self, mut visit: impl FnMut(&str) -> bool) {
        let mut going = true;
        self.each(|field| {
            if self.elements == Elements::Integers {
                let show = |number| going = going && visit(itoa::Buffer::new().format(number));
                return field.each_integer(show).map(drop);
            }
            if let Some(text) = field.text().filter(|_| going) {
                going = visit(&text);
            }
            Ok(())
        });
    }

    /// Calls `on_element` for each element.
    pub(in crate::openrtb) fn each(&self, mut on_element: impl FnMut(Field<'a>) -> Result<()>) {
        // The frame of every field was checked when the message was read; a fault inside an
        // element ends the walk, so that what cannot be read is not there.
        let _ = Message::new(self.from_first).each(|field| match field.number {
            number if number == self.number => on_element(field),
            _ => Ok(()),
        });
    }
}
