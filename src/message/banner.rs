//! Banner markup: a picture that is a link, or a piece of HTML.

use super::template::{Hole, Template};
use crate::campaign::model::{Creative, CreativeBody};

/// What stands in an advertiser's HTML for the click URL.
pub const CLICK_URL: &str = "{{click_url}}";
/// What stands in an advertiser's HTML for a number that differs for each bid.
pub const CACHE_BUSTER: &str = "{{cachebuster}}";

/// Cuts a creative's markup.
pub fn template(creative: &Creative) -> Template {
    match &creative.body {
        CreativeBody::Image { src, alt } => image(creative, src, alt),
        CreativeBody::Html { html } => html_banner(html),
        CreativeBody::Native(_) | CreativeBody::Video(_) | CreativeBody::Audio(_) => {
            Template::default()
        }
    }
}

fn image(creative: &Creative, src: &str, alt: &str) -> Template {
    let picture = format!(
        "\" target=\"_blank\" rel=\"noopener\"><img src=\"{}\" width=\"{}\" height=\"{}\" \
         alt=\"{}\" style=\"border:0;display:block\"></a>",
        html_escaped(src),
        creative.width,
        creative.height,
        html_escaped(alt),
    );
    Template::default().fixed("<a href=\"").hole(Hole::ClickUrl).fixed(&picture).hole(Hole::Pixels)
}

/// The advertiser's own HTML. `clickTag` is the field's convention for HTML5 banners; a
/// placeholder serves those that prefer a plain link.
fn html_banner(html: &str) -> Template {
    let mut template = Template::default()
        .fixed("<script>var clickTag=\"")
        .hole(Hole::ClickUrl)
        .fixed("\";</script>");
    let mut rest = html;
    while let Some((at, placeholder, hole)) = next_placeholder(rest) {
        template = template.fixed(&rest[..at]).hole(hole);
        rest = &rest[at + placeholder.len()..];
    }
    template.fixed(rest).hole(Hole::Pixels)
}

fn next_placeholder(html: &str) -> Option<(usize, &'static str, Hole)> {
    [(CLICK_URL, Hole::ClickUrl), (CACHE_BUSTER, Hole::CacheBuster)]
        .into_iter()
        .filter_map(|(placeholder, hole)| Some((html.find(placeholder)?, placeholder, hole)))
        .min_by_key(|(at, ..)| *at)
}

/// Text as it stands in HTML, in or outside of attributes.
fn html_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Fill;
    use crate::model::CreativeKey;

    fn markup(body: CreativeBody) -> String {
        let creative = Creative {
            key: CreativeKey(1),
            id: "c".to_owned(),
            advertiser: 0,
            width: 300,
            height: 250,
            landing: "https://shop.example/".to_owned(),
            attributes: Vec::new(),
            categories: crate::campaign::model::Categories::default(),
            language: None,
            secure: true,
            sample_image: None,
            bundle: None,
            frameworks: Vec::new(),
            expansions: 0,
            renders_transparency: false,
            body,
        };
        let fill = Fill {
            click_url: "https://b/n/click/T",
            pixels: &["https://b/n/view/T"],
            cache_buster: "42",
        };
        let mut out = Vec::new();
        template(&creative).write_plain(&fill, &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_picture_is_a_link_with_a_pixel() {
        let html = markup(CreativeBody::Image {
            src: "https://cdn.example/a.png?a=1&b=2".to_owned(),
            alt: "\"Shoes\" <b>".to_owned(),
        });
        assert!(html.starts_with("<a href=\"https://b/n/click/T\" target=\"_blank\""));
        assert!(html.contains("src=\"https://cdn.example/a.png?a=1&amp;b=2\" width=\"300\""));
        assert!(html.contains("alt=\"&quot;Shoes&quot; &lt;b&gt;\""));
        assert!(html.contains("<img src=\"https://b/n/view/T\" width=1"));
    }

    #[test]
    fn html_gets_its_click_tag_and_placeholders() {
        let html = markup(CreativeBody::Html {
            html: "<a href='{{click_url}}'>x</a><i data-cb='{{cachebuster}}'></i>{{other}}"
                .to_owned(),
        });
        assert!(html.starts_with("<script>var clickTag=\"https://b/n/click/T\";</script>"));
        assert!(html.contains("<a href='https://b/n/click/T'>x</a><i data-cb='42'></i>{{other}}"));
    }
}
