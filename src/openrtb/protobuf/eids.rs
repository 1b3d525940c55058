//! Extended ids in their protobuf form.

use super::repeated::{Elements, Repeated};
use super::tags::{eid, uid};
use super::wire::{Message, Result};
use crate::openrtb::eids::is_known;

/// Calls `visit(source, id)` for each id until it returns `false`.
pub(in crate::openrtb) fn each(list: &Repeated<'_>, mut visit: impl FnMut(&str, &str) -> bool) {
    let mut going = true;
    list.each(|field| {
        let Some(message) = field.message() else { return Ok(()) };
        each_of_source(message, |source, id| going = going && visit(source, id))
    });
}

/// The ids of one source: read to its end before any is handed out, since `mm` may come last.
fn each_of_source(message: Message<'_>, mut visit: impl FnMut(&str, &str)) -> Result<()> {
    let (mut source, mut method, mut uids) = (None, None, None);
    message.each(|field| {
        match field.number {
            eid::SOURCE => source = field.text(),
            eid::MM => method = field.integer(),
            eid::UIDS if uids.is_none() => {
                uids = Some(Repeated::starting_at(&field, Elements::Delimited));
            }
            _ => {}
        }
        Ok(())
    })?;
    if let (Some(source), Some(uids)) = (source.filter(|_| is_known(method)), uids) {
        each_uid(&uids, |id| visit(&source, id));
    }
    Ok(())
}

fn each_uid(uids: &Repeated<'_>, mut visit: impl FnMut(&str)) {
    uids.each(|field| {
        let Some(message) = field.message() else { return Ok(()) };
        let mut id = None;
        message.each(|field| {
            if field.number == uid::ID {
                id = field.text();
            }
            Ok(())
        })?;
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            visit(&id);
        }
        Ok(())
    });
}
