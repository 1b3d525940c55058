//! `Regs` in its protobuf form; see `decode/regulations.rs`.

use super::repeated::{Elements, Repeated};
use super::tags;
use super::wire::{Field, Message, Result as Read};
use super::within;
use crate::openrtb::decode::{join_dsa, known_level, present};
use crate::openrtb::list::RawList;
use crate::openrtb::offer::DsaRequest;
use crate::openrtb::request::Regulations;

pub(super) fn regulations<'a>(field: &Field<'a>, regulations: &mut Regulations<'a>) -> Read<()> {
    use tags::regs as tag;
    let Some(message) = field.message() else {
        regulations.unreadable = true;
        return Ok(());
    };
    message.each(|field| {
        match field.number {
            tag::COPPA => regulations.coppa |= flag(&field, &mut regulations.unreadable),
            tag::GDPR => gdpr(&field, regulations),
            tag::US_PRIVACY => us_privacy(&field, (regulations, 0)),
            tag::GPP => {
                regulations.unreadable |= field.text().is_none();
                regulations.gpp[0] = present(field.text());
            }
            tag::GPP_SID => return gpp_sections(&field, regulations),
            tags::EXT => return within(&field, |message| regs_extension(message, regulations)),
            _ => {}
        }
        Ok(())
    })
}

fn regs_extension<'a>(message: Message<'a>, regulations: &mut Regulations<'a>) -> Read<()> {
    use tags::regs_ext as tag;
    message.each(|field| {
        match field.number {
            tag::GDPR => gdpr(&field, regulations),
            tag::US_PRIVACY => us_privacy(&field, (regulations, 1)),
            tag::GPC => match field.text().as_deref() {
                Some("1") => regulations.gpc = true,
                Some("0") => {}
                _ => regulations.unreadable = true,
            },
            tag::DSA => return transparency(&field, regulations),
            _ => {}
        }
        Ok(())
    })
}

/// What the Digital Services Act asks for; what cannot be read asks for the most.
fn transparency(field: &Field<'_>, regulations: &mut Regulations<'_>) -> Read<()> {
    use tags::dsa_request as tag;
    let mut asked = DsaRequest::default();
    match field.message() {
        None => asked = DsaRequest { required: 3, publisher_renders: 0, data_to_publisher: 2 },
        Some(message) => message.each(|field| {
            let level = field.integer();
            match field.number {
                tag::DSAREQUIRED => asked.required = known_level(level, 3, 3),
                tag::PUBRENDER => asked.publisher_renders = known_level(level, 2, 0),
                tag::DATATOPUB => asked.data_to_publisher = known_level(level, 2, 2),
                _ => {}
            }
            Ok(())
        })?,
    }
    regulations.dsa = Some(join_dsa(regulations.dsa, asked));
    Ok(())
}

/// Whether a privacy flag is set; one that is no flag is unreadable.
fn flag(field: &Field<'_>, unreadable: &mut bool) -> bool {
    let said = field.flag();
    *unreadable |= said.is_none();
    said == Some(true)
}

/// Either place saying "applies" outweighs the other saying it does not.
fn gdpr(field: &Field<'_>, regulations: &mut Regulations<'_>) {
    regulations.unreadable |= field.flag().is_none();
    regulations.gdpr = regulations.gdpr.max(field.flag());
}

fn us_privacy<'a>(field: &Field<'a>, (regulations, place): (&mut Regulations<'a>, usize)) {
    regulations.unreadable |= field.text().is_none();
    regulations.us_privacy[place] = present(field.text());
}

/// Checked through, since it is walked later, where a fault could not be told any more.
fn gpp_sections<'a>(field: &Field<'a>, regulations: &mut Regulations<'a>) -> Read<()> {
    let are_numbers = field.each_integer(|_| ())?;
    regulations.unreadable |= !are_numbers;
    let list = &mut regulations.gpp_sections[0];
    if list.is_empty() && are_numbers {
        *list = RawList::Protobuf(Repeated::starting_at(field, Elements::Integers));
    }
    Ok(())
}
