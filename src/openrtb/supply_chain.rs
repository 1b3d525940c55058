//! Reads who sold an impression on: `source.schain` and `source.ext.schain`.
//!
//! Guarantees: every seller that is named is told; allocates nothing but for escapes.

use super::member::{Member, Read};
use super::offer::SupplyChain;
use super::raw::RawObject;

impl SupplyChain {
    /// Reads a supply chain, telling `visit(asi, sid)` each of its nodes in order; what a node
    /// does not say is an empty text. `None` where it cannot be understood.
    pub fn read(raw: &RawObject<'_>, mut visit: impl FnMut(&str, &str)) -> Option<Self> {
        let mut chain = Self::default();
        let is_object = raw.each(|name, member| {
            match name {
                "complete" => chain.complete = member.flag()? == Some(true),
                "nodes" => member.each(|node| {
                    chain.nodes = chain.nodes.saturating_add(1);
                    seller(node, &mut visit)
                })?,
                _ => {}
            }
            Ok(())
        });
        is_object.ok()?.then_some(chain)
    }
}

fn seller(node: Member<'_, '_>, visit: &mut impl FnMut(&str, &str)) -> Read<()> {
    let (mut system, mut account) = (None, None);
    node.object(|name, member| {
        match name {
            "asi" => system = member.text()?,
            "sid" => account = member.text()?,
            _ => {}
        }
        Ok(())
    })?;
    visit(system.as_deref().unwrap_or_default(), account.as_deref().unwrap_or_default());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<SupplyChain>, Vec<String>) {
        let mut sellers = Vec::new();
        let chain = SupplyChain::read(&RawObject::Json(text), |system, account| {
            sellers.push(format!("{system}/{account}"));
        });
        (chain, sellers)
    }

    #[test]
    fn every_seller_is_told() {
        let (chain, sellers) = read(
            r#"{"ver":"1.0","complete":1,"nodes":[{"asi":"a.example","sid":"1","hp":1},{"sid":2},
                {"asi":"c\/d"},7]}"#,
        );
        assert_eq!(chain, Some(SupplyChain { complete: true, nodes: 4 }));
        assert_eq!(sellers, ["a.example/1", "/2", "c/d/", "/"]);
        assert_eq!(read("{}").0, Some(SupplyChain::default()));
        assert_eq!(read(r#"{"complete":"0","nodes":{}}"#).0, Some(SupplyChain::default()));
    }

    #[test]
    fn what_is_no_chain_is_none() {
        for text in ["", "[]", "7", "{\"nodes\":[", "{\"complete\":1}x", "nodes"] {
            assert_eq!(read(text).0, None, "{text}");
        }
    }
}
