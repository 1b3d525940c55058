//! Both forms of an answer say the same, whatever the texts hold.

use super::*;
use crate::model::{CpmMicros, Currency};
use crate::openrtb::offer::Medium;
use crate::openrtb::protobuf::tests::convert::unpacked;
use crate::openrtb::response::{DsaFields, MarkupField};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What a bid is made of, owned.
#[derive(Clone, Debug)]
struct Parts {
    texts: [String; 8],
    optional: [Option<String>; 5],
    lists: [Vec<u8>; 3],
    categories: Vec<String>,
    numbers: (i64, u32, i64),
    size: Option<(u16, u16)>,
    spot: Option<(u32, u8)>,
    medium: Medium,
    dsa: Option<bool>,
    markup: (MarkupField, String),
}

impl Parts {
    fn fields(&self) -> BidFields<'_> {
        let [id, impression_id, domain, campaign, creative, win, loss, paid] = &self.texts;
        let [deal, bundle, language, image, billing] = &self.optional;
        let transparency = self.dsa.map(|rendered| DsaFields {
            behalf: campaign,
            paid,
            domain,
            parameters: &self.lists[2],
            rendered,
        });
        BidFields {
            id,
            impression_id,
            price: CpmMicros(self.numbers.0),
            advertiser_domain: domain,
            campaign_id: campaign,
            creative_id: creative,
            medium: self.medium,
            size: self.size,
            duration_s: self.spot.map(|(seconds, _)| seconds),
            protocol: self.spot.map(|(_, protocol)| protocol),
            frameworks: &self.lists[0],
            deal_id: deal.as_deref(),
            bundle: bundle.as_deref(),
            categories: &self.categories,
            category_taxonomy: self.numbers.2,
            transparency,
            attributes: &self.lists[1],
            language: language.as_deref(),
            sample_image: image.as_deref(),
            expires_s: self.numbers.1,
            win_url: win,
            billing_url: billing.as_deref(),
            loss_url: loss,
            markup: self.markup.0,
        }
    }

    /// The fields as an exchange reads them, made without the writers.
    fn expected(&self) -> Value {
        let bid = self.fields();
        let mut told = json!({
            "id": bid.id, "impid": bid.impression_id, "price": bid.price.to_float(),
            "adomain": [bid.advertiser_domain], "cid": bid.campaign_id, "crid": bid.creative_id,
            "mtype": bid.medium as u32, "exp": bid.expires_s,
            "nurl": bid.win_url, "lurl": bid.loss_url,
        });
        let mut put = |key: &str, value: Value| {
            let nothing = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            if !nothing {
                told[key] = value;
            }
        };
        put("w", json!(bid.size.map(|(width, _)| width)));
        put("h", json!(bid.size.map(|(_, height)| height)));
        put("dur", json!(bid.duration_s));
        put("protocol", json!(bid.protocol));
        put("api", json!(bid.frameworks.first()));
        put("apis", json!(bid.frameworks));
        put("attr", json!(bid.attributes));
        put("cat", json!(bid.categories));
        put("cattax", json!(bid.categories.first().map(|_| bid.category_taxonomy)));
        put("dealid", json!(bid.deal_id));
        put("bundle", json!(bid.bundle));
        put("language", json!(bid.language));
        put("iurl", json!(bid.sample_image));
        put("burl", json!(bid.billing_url));
        put("adm", json!((bid.markup == MarkupField::Text).then_some(&self.markup.1)));
        if let Some(dsa) = bid.transparency {
            let mut said = json!({ "behalf": dsa.behalf, "paid": dsa.paid });
            said["adrender"] = json!(u8::from(dsa.rendered));
            if !dsa.parameters.is_empty() {
                let by = json!({ "domain": dsa.domain, "dsaparams": dsa.parameters });
                said["transparency"] = json!([by]);
            }
            told["ext"] = json!({ "dsa": said });
        }
        told
    }
}

fn parts() -> impl Strategy<Value = Parts> {
    let texts = proptest::array::uniform8(".{0,12}");
    let optional = proptest::array::uniform5(proptest::option::of(".{0,8}"));
    let lists = proptest::array::uniform3(proptest::collection::vec(0..=20_u8, 0..4));
    let categories = proptest::collection::vec("[A-Z0-9-]{1,8}", 0..4);
    let numbers = (0..1_000_000_000_i64, any::<u16>().prop_map(u32::from), 0..1_000_i64);
    let size = proptest::option::of((any::<u16>(), any::<u16>()));
    let spot = proptest::option::of((any::<u16>().prop_map(u32::from), 1..20_u8));
    let medium = proptest::sample::select(&Medium::ALL[..]);
    let dsa = proptest::option::of(any::<bool>());
    let carried = proptest::sample::select(vec![MarkupField::Text, MarkupField::Absent]);
    let rest = (size, spot, medium, dsa, (carried, ".{0,300}"));
    (texts, optional, lists, categories, numbers, rest).prop_map(
        |(texts, optional, lists, categories, numbers, rest)| {
            let (size, spot, medium, dsa, markup) = rest;
            let (texts, lists) = (texts, lists);
            Parts { texts, optional, lists, categories, numbers, size, spot, medium, dsa, markup }
        },
    )
}

/// The answer with these bids in a form.
fn written(form: Form, bids: &[Parts]) -> Vec<u8> {
    let head =
        ResponseHead { request_id: "r\"1", bid_id: "b", currency: Currency::USD, seat: Some("s") };
    let mut out = Vec::new();
    let mut response = form.begin(&mut out, &head);
    for bid in bids {
        response.write_bid(&mut out, &bid.fields(), |out, form| match form {
            Form::Json => crate::openrtb::escape::push_json_escaped(out, &bid.markup.1),
            Form::Protobuf => out.extend_from_slice(bid.markup.1.as_bytes()),
        });
    }
    response.end(&mut out);
    out
}

/// Flags as numbers, and every number as a float: 2 and 2.0 are the same price.
fn levelled(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<_> = object.keys().collect();
            keys.sort();
            keys.into_iter().map(|key| (key.clone(), levelled(&object[key]))).collect()
        }
        Value::Array(list) => list.iter().map(levelled).collect(),
        Value::Bool(flag) => json!(f64::from(u8::from(*flag))),
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn both_forms_say_what_was_to_be_said(bids in proptest::collection::vec(parts(), 1..4)) {
        let expected: Vec<_> = bids.iter().map(|bid| levelled(&bid.expected())).collect();
        let json: Value = serde_json::from_slice(&written(Form::Json, &bids)).expect("JSON");
        let protobuf = unpacked(&written(Form::Protobuf, &bids));
        for response in [json, protobuf] {
            prop_assert_eq!((&response["id"], &response["cur"]), (&json!("r\"1"), &json!("USD")));
            let told = response["seatbid"][0]["bid"].as_array().expect("a list");
            let told: Vec<_> = told.iter().map(levelled).collect();
            prop_assert_eq!(&told, &expected);
        }
    }
}

#[test]
fn a_native_answer_may_be_a_message() {
    use crate::openrtb::protobuf_response::{delimited, text};
    let mut out = Vec::new();
    let head = ResponseHead { request_id: "r", bid_id: "b", currency: Currency::USD, seat: None };
    let parts = Parts {
        texts: std::array::from_fn(|_| "x".to_owned()),
        optional: std::array::from_fn(|_| None),
        lists: std::array::from_fn(|_| Vec::new()),
        categories: Vec::new(),
        numbers: (1, 1, 1),
        size: None,
        spot: None,
        medium: Medium::Native,
        dsa: None,
        markup: (MarkupField::NativeMessage, String::new()),
    };
    let mut response = Form::Protobuf.begin(&mut out, &head);
    response.write_bid(&mut out, &parts.fields(), |out, _| {
        text(out, 1, "1.2");
        delimited(out, 3, |out| text(out, 1, "https://click.example"));
    });
    response.end(&mut out);
    let told = &unpacked(&out)["seatbid"][0]["bid"][0];
    assert_eq!(told["adm_native"]["ver"], "1.2");
    assert_eq!(told["adm_native"]["link"]["url"], "https://click.example");
    assert!(told.get("adm").is_none());
}
