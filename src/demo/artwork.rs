//! Draws the creatives of the made-up advertisers: each message in every common size, as an
//! SVG picture or as a small HTML5 banner with a little movement.
//!
//! Guarantees: nothing is fetched from anywhere; texts are wrapped to the width they have.

use std::fmt::Write as _;

/// The sizes that are drawn: what most of the web's banner slots ask for.
pub const SIZES: [(u16, u16); 5] = [(300, 250), (728, 90), (320, 50), (160, 600), (300, 600)];

/// Wider than so many times their height, banners put text beside the button.
const STRIP_RATIO: u16 = 3;
/// The average width of a letter, in hundredths of its size: sans-serif faces are about this.
const LETTER_WIDTH_PERCENT: u32 = 56;

/// What a message says and looks like.
#[derive(Clone, Copy, Debug)]
pub struct Artwork {
    /// The first part of its creatives' ids.
    pub id: &'static str,
    /// Whose it is.
    pub brand: &'static str,
    /// In large letters.
    pub headline: &'static str,
    /// Below it, where there is room.
    pub line: &'static str,
    /// On the button.
    pub call: &'static str,
    /// From and to of the background, then the button.
    pub colours: [&'static str; 3],
    /// An HTML5 banner rather than a picture.
    pub html5: bool,
    /// Where a click leads.
    pub landing: &'static str,
}

impl Artwork {
    /// The creative's id in a size.
    pub fn creative_id(&self, (width, height): (u16, u16)) -> String {
        format!("{}-{width}x{height}", self.id)
    }

    /// Its file's name in a size.
    pub fn file_name(&self, size: (u16, u16)) -> String {
        let extension = if self.html5 { "html" } else { "svg" };
        format!("{}.{extension}", self.creative_id(size))
    }

    /// Its file's content in a size.
    pub fn draw(&self, size: (u16, u16)) -> String {
        if self.html5 { self.html(size) } else { self.svg(size) }
    }

    /// Its `[[creative]]` sections, one for each size.
    pub fn sections(&self) -> String {
        SIZES.iter().map(|size| self.section(*size)).collect()
    }

    fn section(&self, size: (u16, u16)) -> String {
        let (id, file) = (self.creative_id(size), self.file_name(size));
        let (kind, alt) = if self.html5 {
            ("html5", String::new())
        } else {
            ("image", format!("alt = \"{}: {}\"\n", self.brand, self.headline))
        };
        format!(
            "\n[[creative]]\nid = \"{id}\"\ntype = \"{kind}\"\nsize = \"{}x{}\"\n\
             file = \"creatives/{file}\"\n{alt}landing = \"{}\"\nlanguage = \"en\"\n",
            size.0, size.1, self.landing
        )
    }

    fn svg(&self, size: (u16, u16)) -> String {
        let (width, height) = size;
        let [from, to, _] = self.colours;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"Helvetica,Arial,sans-serif\">\n\
             <defs><linearGradient id=\"g\" x2=\"1\" y2=\"1\"><stop stop-color=\"{from}\"/>\
             <stop offset=\"1\" stop-color=\"{to}\"/></linearGradient></defs>\n\
             <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"url(#g)\"/>\n"
        );
        let radius = width.max(height) / 4;
        let _ = writeln!(
            svg,
            "<circle cx=\"{width}\" cy=\"0\" r=\"{radius}\" fill=\"#fff\" opacity=\".10\"/>\
             <circle cx=\"0\" cy=\"{height}\" r=\"{}\" fill=\"#fff\" opacity=\".07\"/>",
            radius * 4 / 3
        );
        svg.push_str(&if is_strip(size) { self.strip(size) } else { self.tower(size) });
        svg.push_str("</svg>\n");
        svg
    }

    /// Brand and headline on the left, the button on the right.
    fn strip(&self, (width, height): (u16, u16)) -> String {
        let button_width = width / 4;
        let room = u32::from(width - button_width - 40);
        let letters = self.headline.len() as u32;
        let fitting = room * 100 / (letters * LETTER_WIDTH_PERCENT);
        let size = fitting.min(u32::from(height) / 3).max(9);
        let (middle, small) = (u32::from(height) / 2, (u32::from(height) / 6).max(8));
        let mut svg = text("start", (16, middle - small / 2), small, self.brand);
        svg += &text("start", (16, middle + size), size, self.headline);
        let at = (width - button_width - 12, height / 2 - height / 5);
        svg + &self.button(at, (button_width, height * 2 / 5))
    }

    /// Brand, headline, line and button below each other, in the middle.
    fn tower(&self, (width, height): (u16, u16)) -> String {
        let middle = u32::from(width) / 2;
        let (large, small) = (u32::from(width) / 9, (u32::from(width) / 20).max(11));
        let mut y = u32::from(height) / 8;
        let mut svg = text("middle", (middle, y), small, self.brand);
        y += large * 3 / 2;
        for row in wrapped(self.headline, letters_in(width, large)) {
            svg += &text("middle", (middle, y), large, &row);
            y += large * 6 / 5;
        }
        y += small / 2;
        for row in wrapped(self.line, letters_in(width, small)) {
            svg += &text("middle", (middle, y), small, &row);
            y += small * 7 / 5;
        }
        let (button_width, button_height) = (width * 3 / 5, 34);
        let at = ((width - button_width) / 2, height - button_height - height / 14);
        svg + &self.button(at, (button_width, button_height))
    }

    fn button(&self, (x, y): (u16, u16), (width, height): (u16, u16)) -> String {
        let colour = self.colours[2];
        let (corner, letters) = (height / 2, self.call.len() as u32);
        let fitting = u32::from(width - 8) * 100 / (letters * LETTER_WIDTH_PERCENT);
        let size = fitting.min(u32::from(height) / 2);
        let centre = (u32::from(x + width / 2), u32::from(y + height / 2) + size / 3);
        let shape = format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{corner}\" \
             fill=\"{colour}\"/>\n"
        );
        shape + &text("middle", centre, size, self.call)
    }

    fn html(&self, size: (u16, u16)) -> String {
        let [from, to, button] = self.colours;
        let (width, height) = size;
        let strip = is_strip(size);
        let direction = if strip { "row" } else { "column" };
        let large = if strip { height / 3 } else { width / 9 };
        let line = if strip { String::new() } else { format!("<span>{}</span>", self.line) };
        let Self { brand, headline, call, .. } = self;
        format!(
            "<style>\n\
             .h{{display:flex;flex-direction:{direction};align-items:center;\
             justify-content:space-around;box-sizing:border-box;width:{width}px;\
             height:{height}px;padding:4px 12px;border-radius:6px;overflow:hidden;\
             background:linear-gradient(135deg,{from},{to});color:#fff;text-align:center;\
             font:13px Helvetica,Arial,sans-serif;text-decoration:none}}\n\
             .h b{{font-size:{large}px;line-height:1.15;animation:rise .8s ease-out}}\n\
             .h i{{font-style:normal;background:{button};border-radius:18px;padding:6px 14px;\
             font-weight:bold;white-space:nowrap;animation:beat 2.4s ease-in-out 3}}\n\
             @keyframes rise{{from{{opacity:0;transform:translateY(12px)}}}}\n\
             @keyframes beat{{50%{{transform:scale(1.08)}}}}\n\
             </style>\n\
             <a class=\"h\" href=\"{{{{click_url}}}}\" target=\"_blank\"><span>{brand}</span>\
             <b>{headline}</b>{line}<i>{call}</i></a>\n"
        )
    }
}

fn is_strip((width, height): (u16, u16)) -> bool {
    width > height * STRIP_RATIO
}

fn text(anchor: &str, (x, y): (u32, u32), size: u32, text: &str) -> String {
    let weight = if size > 14 { " font-weight=\"bold\"" } else { "" };
    format!(
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" font-size=\"{size}\"{weight} \
         fill=\"#fff\">{text}</text>\n"
    )
}

/// How many letters of a size fit into a width, with a margin.
fn letters_in(width: u16, size: u32) -> usize {
    ((u32::from(width) - 16) * 100 / (size * LETTER_WIDTH_PERCENT)) as usize
}

/// Words in rows of at most `letters`; a longer word has a row to itself.
fn wrapped(text: &str, letters: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match rows.last_mut() {
            Some(row) if row.len() + 1 + word.len() <= letters => {
                row.push(' ');
                row.push_str(word);
            }
            _ => rows.push(word.to_owned()),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_wrapped_to_their_width() {
        assert_eq!(wrapped("Your cart is waiting", 9), ["Your cart", "is", "waiting"]);
        assert_eq!(wrapped("Unbreakable", 3), ["Unbreakable"]);
    }

    #[test]
    fn every_size_is_drawn_within_a_bid() {
        let picture = Artwork {
            id: "a",
            brand: "Acme",
            headline: "Your cart is waiting",
            line: "Still your size",
            call: "Go",
            colours: ["#111", "#222", "#333"],
            html5: false,
            landing: "https://acme.example/",
        };
        for size in SIZES {
            let svg = picture.draw(size);
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && svg.len() < 4_096);
            let html = Artwork { html5: true, ..picture }.draw(size);
            assert!(html.contains("href=\"{{click_url}}\"") && !html.contains("http:"), "{html}");
        }
        assert_eq!(picture.sections().matches("[[creative]]").count(), SIZES.len());
    }
}
