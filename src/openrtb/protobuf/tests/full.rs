//! One request that says everything that can be said.

use serde_json::{Value, json};

/// Everything that a decision could read, in an order of its own.
pub(super) fn full() -> Value {
    json!({
        "id": "r1", "at": 1, "tmax": 120, "cur": ["EUR", "USD"], "test": 1,
        "badv": ["bad.example"], "bcat": ["IAB25", "IAB26"], "wseat": ["s1"], "bseat": ["s2"],
        "acat": ["IAB18", "18"], "cattax": 7, "bapp": ["com.bad"], "wlang": ["de", "en"],
        "wlangb": ["de-AT"],
        "imp": impressions(),
        "source": { "schain": chain("a.example"), "ext": { "schain": chain("b.example") } },
        "site": { "page": "https://news.example:8080/x?y" },
        "app": { "bundle": "com.example" },
        "device": { "devicetype": 4, "os": "Android", "ifa": "6D92078A", "lmt": 0, "dnt": 0,
                    "ua": "Mozilla/5.0 (Linux; Android 14; Pixel 8) Mobile Safari/537.36",
                    "sua": { "platform": { "brand": "Android", "version": ["14"] }, "mobile": 1,
                             "browsers": [{ "brand": "Chromium", "version": ["124"] }] },
                    "geo": { "country": "deu", "region": "BE" }, "ext": { "atts": 3 } },
        "user": user(),
        "regs": { "coppa": 0, "gdpr": 0, "us_privacy": "1YNN", "gpp": "DBAA~x", "gpp_sid": [2, -1, 7],
                  "ext": { "gdpr": 1, "us_privacy": "1YYN", "gpc": "1",
                           "dsa": { "dsarequired": 2, "pubrender": 1, "datatopub": 1 } } },
    })
}

fn impressions() -> Value {
    json!([
        { "id": "1", "bidfloor": 0.84, "bidfloorcur": "EUR", "secure": 1, "instl": 1,
          "rwdd": 1, "exp": 300, "qty": { "multiplier": 1.234 },
          "pmp": { "private_auction": 1, "deals": deals() },
          "banner": { "w": 1, "h": 1, "battr": [1, 13, 99], "btype": [4], "api": [5, 7],
                      "expdir": [1, 2], "mimes": ["image/png", "text/html", "x/y"],
                      "format": [{ "w": 300, "h": 250 }, { "w": 320, "h": 50 }] },
          "video": video(), "audio": audio(), "native": native() },
        { "id": "2", "banner": { "w": 728, "h": 90, "mimes": ["x/y"] }, "secure": 0 },
        { "id": "2" }, { "id": "" }, { "id": "3", "bidfloor": -1.0, "bidfloorcur": "usd" },
        { "id": "4", "video": {}, "audio": {}, "native": { "request": "{}" },
          "qty": { "multiplier": -0.5 }, "pmp": { "deals": [] }, "exp": 0 }
    ])
}

fn user() -> Value {
    json!({
        "id": "x1", "buyeruid": "b1", "consent": "C",
        "eids": [{ "source": "a.example", "uids": [{ "id": "1" }, { "id": "" }, { "id": "2" }] },
                 { "source": "b.example", "mm": 5, "uids": [{ "id": "guess" }] },
                 { "uids": [{ "id": "nobody's" }] }],
        "ext": { "consent": "C", "eids": [{ "source": "c.example", "uids": [{ "id": "3" }] }] }
    })
}

fn deals() -> Value {
    json!([
        { "id": "d1", "bidfloor": 2.5, "bidfloorcur": "EUR", "at": 3, "guar": 1,
          "wseat": ["s1", "s3"], "wadomain": ["acme.example"], "mincpmpersec": 0.05,
          "durfloors": [{ "mindur": 1, "maxdur": 15, "bidfloor": 5.0 }, { "bidfloor": 9.5 }] },
        { "id": "", "bidfloor": 1.0 },
        { "id": "d3", "bidfloorcur": "none" },
        {},
    ])
}

pub(super) fn video() -> Value {
    json!({
        "mimes": ["video/mp4", "application/x-flash"], "linearity": 1, "minduration": 5,
        "maxduration": 30, "protocol": 2, "protocols": [3, 7, 40], "w": 640, "h": 480,
        "startdelay": -1, "battr": [13, 14], "minbitrate": 300, "maxbitrate": 1500,
        "companionad": [{ "w": 300, "h": 250 }, { "w": 1, "h": 1, "format": [{ "w": 728, "h": 90 }] }],
        "api": [7], "skip": 1, "maxseq": 3, "poddur": 90, "podid": "p-1", "rqddurs": [15, 30],
        "slotinpod": -1, "mincpmpersec": 0.1, "plcmt": 1, "poddedupe": [1, 3],
        "durfloors": [{ "mindur": 1, "maxdur": 15, "bidfloor": 5.0 },
                      { "mindur": 16, "bidfloor": 10.25 }],
    })
}

fn audio() -> Value {
    json!({
        "mimes": ["audio/mpeg"], "minduration": 10, "maxduration": 60, "protocols": [9, 10],
        "startdelay": 0, "battr": [6], "minbitrate": 32, "maxbitrate": 320, "api": [7],
        "companionad": [{ "w": 300, "h": 250 }], "maxseq": 2, "poddur": 120, "podid": "p-2",
        "rqddurs": [20], "slotinpod": 1, "mincpmpersec": 0.2,
        "durfloors": [{ "mindur": 1, "maxdur": 15, "bidfloor": 5.0 }],
    })
}

pub(super) fn native() -> Value {
    json!({ "battr": [1, 6], "api": [3], "request": asked(), "ver": "1.2" })
}

pub(super) fn asked() -> Value {
    json!({
        "ver": "1.2", "context": 1, "privacy": 1,
        "assets": [
            { "id": 1, "required": 1, "title": { "len": 90 } },
            { "id": 2, "required": 1, "img": { "type": 3, "w": 1200, "h": 627, "wmin": 600,
              "hmin": 314, "mimes": ["image/jpeg", "image/x"] } },
            { "id": 3, "required": 0, "data": { "type": 12, "len": 15 } },
            { "id": 4, "video": { "mimes": ["video/mp4"], "minduration": 5, "maxduration": 30,
              "protocols": [2, 3] } },
            { "id": 5, "title": {} }, { "id": 6, "img": {} }, { "id": 7, "data": {} },
            { "id": 8, "video": {} }, { "id": 9 }, { "title": { "len": 1 } },
        ],
        "eventtrackers": [{ "event": 2, "methods": [1] }, { "event": 1, "methods": [2, 1] }],
    })
}

fn chain(seller: &str) -> Value {
    json!({ "complete": 1, "ver": "1.0",
            "nodes": [{ "asi": seller, "sid": "1", "hp": 1 }, { "sid": "2" }, {}] })
}
