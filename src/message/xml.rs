//! Text as it stands in XML.
//!
//! Guarantees: what is returned leaves neither its element, its attribute nor its CDATA section,
//! and holds only characters that XML 1.0 allows; others, which no escape can carry, become
//! U+FFFD.

/// A text as the content of an element or, in double quotes, of an attribute.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars().map(allowed) {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // Readers turn these, unescaped, into a line feed or, in attributes, a blank.
            '\r' => escaped.push_str("&#13;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// An address as a CDATA section. The end of a section within it is split over two.
pub fn cdata(url: &str) -> String {
    let url: String = url.chars().map(allowed).collect();
    format!("<![CDATA[{}]]>", url.replace("]]>", "]]]]><![CDATA[>"))
}

/// The character, if XML 1.0 has it (its production `Char`).
fn allowed(letter: char) -> char {
    match letter {
        '\t' | '\n' | '\r' => letter,
        '\0'..' ' | '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_place() {
        assert_eq!(escaped("a<b>&\"c'\n"), "a&lt;b&gt;&amp;&quot;c'&#10;");
        assert_eq!(escaped("\u{1}\u{ffff}é"), "\u{fffd}\u{fffd}é");
        assert_eq!(cdata("https://a/?b&c"), "<![CDATA[https://a/?b&c]]>");
        assert_eq!(cdata("a]]><b>"), "<![CDATA[a]]]]><![CDATA[><b>]]>");
    }
}
