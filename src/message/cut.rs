//! Texts that are too long for their place.
//!
//! Guarantees: what is left has at most the characters (Unicode code points) asked for, never
//! ends within a code point nor, where there is room for both, between a letter and its accents,
//! and is empty only where the text was. Nothing is allocated: a cut is a part of its text.

/// A text as it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut<'a> {
    /// What is left of the text.
    pub text: &'a str,
    /// What stands behind it: an ellipsis where something was cut off, or nothing.
    pub mark: &'static str,
    /// Whether nothing was cut off.
    pub whole: bool,
}

/// Stands for what was cut off.
const ELLIPSIS: &str = "…";
/// A cut is moved back to the end of a word if that leaves at least this share of the place:
/// otherwise one long word would leave nearly nothing.
const WORD_SHARE_MIN: (usize, usize) = (1, 2);

/// `text` within `chars_max` characters; `None` where not one character may be shown.
pub fn cut(text: &str, chars_max: u32) -> Option<Cut<'_>> {
    let chars_max = usize::try_from(chars_max).unwrap_or(usize::MAX);
    if chars_max == 0 {
        return None;
    }
    // One byte is at least what a character takes.
    if text.len() <= chars_max || text.chars().nth(chars_max).is_none() {
        return Some(Cut { text, mark: "", whole: true });
    }
    let head = shortened(text, chars_max - 1);
    if head.is_empty() {
        // No room for an ellipsis besides something to read.
        let end = match end_of_letters(text, chars_max) {
            0 => end_of(text, 1),
            end => end,
        };
        return Some(Cut { text: &text[..end], mark: "", whole: false });
    }
    Some(Cut { text: head, mark: ELLIPSIS, whole: false })
}

/// The start of a longer `text`, at most `chars` characters, without what looks odd before an
/// ellipsis.
fn shortened(text: &str, chars: usize) -> &str {
    let end = end_of_letters(text, chars);
    let head = &text[..end];
    let ends_a_word = text[end..].starts_with(char::is_whitespace);
    let word_end = if ends_a_word { Some(end) } else { head.rfind(char::is_whitespace) };
    let (share, of) = WORD_SHARE_MIN;
    let far_enough = |at: &usize| head[..*at].chars().count() * of >= chars * share;
    let head = word_end.filter(far_enough).map_or(head, |at| &head[..at]);
    head.trim_end_matches(|last: char| last.is_whitespace() || ",;:-–—(".contains(last))
}

/// The last byte within the first `chars` characters at which no accent is cut off.
fn end_of_letters(text: &str, chars: usize) -> usize {
    let mut end = end_of(text, chars);
    while end > 0 && text[end..].chars().next().is_some_and(belongs_to_the_one_before) {
        end = text[..end].char_indices().next_back().map_or(0, |(at, _)| at);
    }
    end
}

/// The byte at which the first `chars` characters end.
fn end_of(text: &str, chars: usize) -> usize {
    text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at)
}

/// Accents and joiners, which change the character before them: the blocks of combining marks,
/// joiners, variation selectors and skin tones.
fn belongs_to_the_one_before(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{fe20}'..='\u{fe2f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str, chars_max: u32) -> String {
        cut(text, chars_max).map(|cut| format!("{}{}", cut.text, cut.mark)).unwrap_or_default()
    }

    #[test]
    fn words_stay_whole_where_that_leaves_enough() {
        assert_eq!(shown("New shoes are here", 18), "New shoes are here");
        assert_eq!(shown("New shoes are here", 17), "New shoes are…");
        assert_eq!(shown("New shoes are here", 10), "New shoes…");
        assert_eq!(shown("New shoes, all here", 12), "New shoes…");
        assert_eq!(shown("A Donaudampfschiff", 8), "A Donau…");
        assert_eq!(shown("Schuhe", 1), "S");
        assert_eq!(shown("Schuhe", 2), "S…");
        assert_eq!(shown("Schuhe", 0), "");
        assert_eq!(shown("", 5), "");
    }

    #[test]
    fn letters_keep_their_accents() {
        assert_eq!(shown("cafe\u{301}s und mehr", 5), "caf…");
        assert_eq!(shown("e\u{301}xx", 2), "e\u{301}");
        assert_eq!(shown("größer", 4), "grö…");
        assert_eq!(shown("👟👟👟", 2), "👟…");
    }

    proptest! {
        #[test]
        fn a_cut_is_the_start_of_its_text_and_short_enough(
            text in "[a-zé👟 \u{301},.]{0,40}", chars_max in 1_u32..50,
        ) {
            let cut = cut(&text, chars_max).expect("something may be shown");
            let shown = cut.text.chars().count() + cut.mark.chars().count();
            prop_assert!(shown <= chars_max as usize);
            prop_assert!(text.starts_with(cut.text));
            prop_assert_eq!(cut.whole, cut.text.len() == text.len());
            prop_assert!(!cut.whole || cut.mark.is_empty());
            prop_assert_eq!(cut.text.is_empty(), text.is_empty());
        }
    }
}
