//! What the tests of this room share: a bid's values, creatives, and texts that want out.

use super::Fill;
use crate::campaign::model::{Categories, Creative, CreativeBody};
use crate::model::CreativeKey;
use crate::openrtb::Form;

/// The values of a bid.
pub(super) const FILL: Fill<'static> = Fill {
    click_url: "https://b/n/click/T?a=1&b=2",
    pixels: &["https://b/n/view/T", "https://b/n/bill/T?p=${AUCTION_PRICE}"],
    cache_buster: "42",
    progress: [
        "https://b/n/play/T?e=1",
        "https://b/n/play/T?e=2",
        "https://b/n/play/T?e=3",
        "https://b/n/play/T?e=4",
        "https://b/n/play/T?e=5",
    ],
    bid_id: "0123456789abcdef",
};

/// A creative of a body.
pub(super) fn creative(body: CreativeBody) -> Creative {
    Creative {
        key: CreativeKey(1),
        id: "c".to_owned(),
        advertiser: 0,
        width: 300,
        height: 250,
        landing: "https://shop.example/".to_owned(),
        attributes: Vec::new(),
        categories: Categories::default(),
        language: None,
        secure: true,
        sample_image: None,
        bundle: None,
        frameworks: Vec::new(),
        expansions: 0,
        renders_transparency: false,
        body,
    }
}

/// What is written for a bid, after checking that both forms say the same.
pub(super) fn written(write: impl Fn((&Fill<'_>, Form), &mut Vec<u8>)) -> String {
    let (mut plain, mut json) = (Vec::new(), vec![b'"']);
    write((&FILL, Form::Protobuf), &mut plain);
    write((&FILL, Form::Json), &mut json);
    json.push(b'"');
    let read: String = serde_json::from_slice(&json).expect("valid JSON");
    assert_eq!(read.as_bytes(), plain, "both forms say the same");
    read
}

/// Texts that would leave their place, or be read as something else, if they could.
pub(super) const HOSTILE: [&str; 42] = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</SCRIPT ><img src=x>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg onload=alert(1)>",
    "\" onmouseover=\"alert(1)",
    "' onfocus='alert(1)' autofocus='",
    "]]><script>alert(1)</script><![CDATA[",
    "]]>",
    "]]]]>>",
    "<![CDATA[x]]>",
    "<!--",
    "--><b>",
    "<?xml version=\"1.0\"?>",
    "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>",
    "&e;",
    "&lt;b&gt;",
    "&#60;script&#62;",
    "&amp;amp;",
    "&",
    "\\",
    "\\\"",
    "\\u003cscript\\u003e",
    "\",\"link\":{\"url\":\"https://evil.example\"},\"x\":\"",
    "\"}]}",
    "{{click_url}}",
    "{{cachebuster}}",
    "${AUCTION_PRICE}",
    "%%CLICK_URL_UNESC%%",
    "javascript:alert(1)",
    "\u{202e}gpj.exe",
    "\u{2028}alert(1)\u{2029}",
    "\r\nSet-Cookie: a=b",
    "a\tb\nc",
    "\u{feff}bom",
    "</AdTitle></InLine></Ad><Ad>",
    "</title><style>*{display:none}</style>",
    "😀👩‍👩‍👧",
    "a\u{301}\u{327}",
    "﹤script﹥",
    "`${alert(1)}`",
    "<iframe srcdoc='<script>alert(1)</script>'>",
];

/// Characters that XML cannot carry.
pub(super) const UNSPEAKABLE: &str = "a\u{0}b\u{1}\u{1b}\u{b}\u{fffe}\u{ffff}c";
