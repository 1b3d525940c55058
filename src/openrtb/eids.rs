//! Extended ids (`user.eids`): who vouches for an id, and the id.
//!
//! Guarantees: inferred ids (`mm` 5) are left out, in both forms of a request: a guess about a
//! person is no ground for reaching them (field note openrtb.md 1.3).

use super::json::JsonList;
use super::list::RawList;
use super::protobuf;

/// `mm`, the matching method: 5 is "inferred".
const INFERRED: i64 = 5;

/// Calls `visit(source, id)` for each id until it returns `false`.
pub(super) fn each(list: &RawList<'_>, visit: impl FnMut(&str, &str) -> bool) {
    match list {
        RawList::Json(list) => each_json(list, visit),
        RawList::Protobuf(field) => protobuf::eids::each(field, visit),
    }
}

/// Whether an id found by this method may be used.
pub(super) fn is_known(method: Option<i64>) -> bool {
    method != Some(INFERRED)
}

fn each_json(list: &JsonList<'_>, mut visit: impl FnMut(&str, &str) -> bool) {
    let mut going = true;
    list.each(|reader| {
        let (mut source, mut method, mut uids) = (None, None, JsonList::default());
        reader.object(|reader, key| {
            match key {
                "source" => source = reader.text()?,
                "mm" => method = reader.integer()?,
                "uids" => uids = reader.json_list()?,
                _ => reader.pass()?,
            }
            Ok(())
        })?;
        if let Some(source) = source.filter(|_| is_known(method)) {
            each_uid(uids, |id| {
                going = going && visit(&source, id);
            });
        }
        Ok(())
    });
}

fn each_uid(uids: JsonList<'_>, mut visit: impl FnMut(&str)) {
    uids.each(|reader| {
        let mut id = None;
        reader.object(|reader, key| {
            match key {
                "id" => id = reader.text()?,
                _ => reader.pass()?,
            }
            Ok(())
        })?;
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            visit(&id);
        }
        Ok(())
    });
}
