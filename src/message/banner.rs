//! Banner markup: a picture that is a link, or a piece of HTML.

use super::template::{Hole, Template};
use crate::campaign::model::Creative;

/// What stands in an advertiser's HTML for the click URL.
pub const CLICK_URL: &str = "{{click_url}}";
/// What stands in an advertiser's HTML for a number that differs for each bid.
pub const CACHE_BUSTER: &str = "{{cachebuster}}";

/// The versions of MRAID among AdCOM's API frameworks.
const MRAID: [u8; 3] = [3, 5, 6];
/// Tells an app's container that it must provide MRAID (IAB, MRAID 3.0, "Identification"); it
/// must come before anything that uses it.
const MRAID_LOADER: &str = "<script src=\"mraid.js\"></script>";
/// An app opens pages only when it is asked to by `mraid.open`; HTML5 banners call `window.open`
/// or hold plain links. Both are led there; what a banner handled itself is left alone.
const MRAID_CLICKS: &str = "<script>(function(){if(!window.mraid)return;\
    window.open=function(u){mraid.open(String(u||clickTag));return null};\
    document.addEventListener(\"click\",function(e){var a=e.target;\
    while(a&&a.nodeName!==\"A\")a=a.parentNode;\
    if(a&&!e.defaultPrevented&&/^https?:/.test(a.href)){e.preventDefault();mraid.open(a.href)}\
    })})();</script>";

/// Cuts a picture, of an address and a text for those who do not see it, that is a link.
pub(super) fn image(creative: &Creative, (src, alt): (&str, &str)) -> Template {
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

/// Cuts the advertiser's own HTML. `clickTag` is the field's convention for HTML5 banners; a
/// placeholder serves those that prefer a plain link.
pub(super) fn html(creative: &Creative, html: &str) -> Template {
    let mraid = creative.frameworks.iter().any(|framework| MRAID.contains(framework));
    let mut template = Template::default()
        .fixed(if mraid { MRAID_LOADER } else { "" })
        .fixed("<script>var clickTag=\"")
        .hole(Hole::ClickUrl)
        .fixed("\";</script>")
        .fixed(if mraid { MRAID_CLICKS } else { "" });
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
    use crate::campaign::model::CreativeBody;
    use crate::message::tests::{FILL, HOSTILE, creative, written};
    use crate::message::{Wanted, markup as markup_of};

    fn markup(creative: &Creative) -> String {
        let markup = markup_of(creative, None);
        written(|fill, out| markup.write(&Wanted::Banner, fill, out))
    }

    #[test]
    fn a_picture_is_a_link_with_a_pixel() {
        let html = markup(&creative(CreativeBody::Image {
            src: "https://cdn.example/a.png?a=1&b=2".to_owned(),
            alt: "\"Shoes\" <b>".to_owned(),
        }));
        assert!(html.starts_with("<a href=\"https://b/n/click/T?a=1&b=2\" target=\"_blank\""));
        assert!(html.contains("src=\"https://cdn.example/a.png?a=1&amp;b=2\" width=\"300\""));
        assert!(html.contains("alt=\"&quot;Shoes&quot; &lt;b&gt;\""));
        assert!(html.contains("<img src=\"https://b/n/view/T\" width=1"));
    }

    #[test]
    fn html_gets_its_click_tag_and_placeholders() {
        let html = markup(&creative(CreativeBody::Html {
            html: "<a href='{{click_url}}'>x</a><i data-cb='{{cachebuster}}'></i>{{other}}"
                .to_owned(),
        }));
        assert!(html.starts_with("<script>var clickTag=\"https://b/n/click/T?a=1&b=2\";</script>"));
        let body = format!(
            "<a href='https://b/n/click/T?a=1&b=2'>x</a><i data-cb='{}'></i>",
            FILL.cache_buster
        );
        assert!(html.contains(&(body + "{{other}}")), "{html}");
    }

    #[test]
    fn only_what_needs_mraid_asks_for_it_and_asks_first() {
        let mut ad = creative(CreativeBody::Html { html: "<b>x</b>".to_owned() });
        ad.frameworks = vec![7];
        assert!(!markup(&ad).contains("mraid"));
        ad.frameworks = vec![7, 5];
        let html = markup(&ad);
        assert!(html.starts_with("<script src=\"mraid.js\"></script><script>var clickTag="));
        assert!(html.find("mraid.open") < html.find("<b>x</b>"));
    }

    #[test]
    fn no_text_leaves_its_attribute() {
        for text in HOSTILE {
            let html = markup(&creative(CreativeBody::Image {
                src: "https://cdn.example/a.png".to_owned(),
                alt: text.to_owned(),
            }));
            // As XML, which is stricter: without our own pixels, and the picture closed.
            let (link, _) = html.split_once("<img src=\"https://b/n/view").expect("a pixel");
            let link = link.replace(FILL.click_url, "x").replace("block\">", "block\"/>");
            let document = roxmltree::Document::parse(&link).expect("well formed");
            let picture = document.root_element().first_element_child().expect("a picture");
            // Readers of XML take line ends and tabs of attributes for blanks.
            let blank = |text: &str| text.replace("\r\n", " ").replace(['\n', '\t', '\r'], " ");
            assert_eq!(picture.attribute("alt"), Some(&*blank(text)), "{link}");
            assert_eq!(document.descendants().filter(roxmltree::Node::is_element).count(), 2);
        }
    }
}
