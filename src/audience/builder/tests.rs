//! What the builder promises: newest wins, removals, any order, limits.

use super::*;

const NOW: UnixSeconds = UnixSeconds(1_000_000);

fn options() -> BuildOptions {
    BuildOptions { now: NOW, epoch: None, shards: None, rows_max: 1_000 }
}

fn row(id: &str, segment: &'static str, last_seen: u32) -> Row<'static> {
    Row {
        id_space: "buyeruid".into(),
        id: id.to_owned().into(),
        segment: segment.into(),
        last_seen: UnixSeconds(last_seen),
        first_seen: None,
        expires: None,
        count: 1,
        value: ValueThousandths(0),
        items: Vec::new(),
        remove: false,
    }
}

fn audience(rows: &[Row<'_>]) -> Audience {
    let mut builder = Builder::new(options()).expect("good options");
    for row in rows {
        builder.add(row).expect("a good row");
    }
    builder.finish().expect("rows make an epoch")
}

#[test]
fn the_newest_row_wins_and_counts_add_up() {
    let old = Row {
        first_seen: Some(UnixSeconds(50)),
        count: 4,
        value: ValueThousandths(9_000),
        items: vec!["old".into()],
        expires: Some(UnixSeconds(400)),
        ..row("u", "cart", 100)
    };
    let new = Row {
        value: ValueThousandths(1_000),
        items: vec!["new".into(), "newer".into()],
        expires: Some(UnixSeconds(300)),
        ..row("u", "cart", 200)
    };
    let audience = audience(&[new, old, row("u", "view", 7)]);
    assert_eq!((audience.summary().merged, audience.summary().users), (1, 1));
    let snapshot = audience.into_snapshot("s").expect("packs");
    let found: Vec<_> = snapshot.memberships(UserKey::new("buyeruid", "u")).collect();
    assert_eq!(snapshot.info().segments, ["cart", "view"]);
    assert_eq!(found.len(), 2);
    let cart = found[0].clone();
    assert_eq!((cart.first_seen.0, cart.last_seen.0, cart.expires.0), (50, 200, 300));
    assert_eq!((cart.count, cart.value), (5, ValueThousandths(1_000)));
    assert_eq!(cart.items.collect::<Vec<_>>(), ["new", "newer"]);
}

#[test]
fn a_removal_forgets_what_came_before_it() {
    let remove = |id, at| Row { remove: true, ..row(id, "cart", at) };
    let audience = audience(&[
        Row { count: 7, ..row("back", "cart", 100) },
        remove("back", 150),
        row("back", "cart", 200),
        row("gone", "cart", 150),
        remove("gone", 150),
        row("other", "view", 10),
        remove("never_there", 10),
    ]);
    assert_eq!((audience.summary().removed, audience.summary().users), (2, 2));
    let snapshot = audience.into_snapshot("s").expect("packs");
    let of = |id| snapshot.memberships(UserKey::new("buyeruid", id)).collect::<Vec<_>>();
    let back = of("back");
    assert_eq!((back.len(), back[0].count, back[0].first_seen.0), (1, 1, 200));
    assert!(of("gone").is_empty() && of("never_there").is_empty());
    assert_eq!(of("other").len(), 1);
}

#[test]
fn rows_in_any_order_give_the_same_bytes() {
    let mut rows: Vec<_> = (0..300_u32)
        .map(|n| Row {
            value: ValueThousandths(u64::from(n % 5)),
            items: vec![format!("sku-{}", n % 3).into()],
            remove: n % 17 == 0,
            ..row(&format!("u{}", n % 40), ["view", "cart", "buy"][n as usize % 3], 100 + n % 7)
        })
        .collect();
    let bytes = |rows: &[Row<'_>]| audience(rows).pack(0).expect("packed").0;
    let first = bytes(&rows);
    rows.reverse();
    assert_eq!(bytes(&rows), first);
    rows.sort_by_key(|row| row.items.clone());
    assert_eq!(bytes(&rows), first);
}

#[test]
fn a_wrong_clock_does_not_move_the_epoch() {
    let mut skewed = audience(&[row("u", "view", 500), row("v", "view", NOW.0 + 9)]);
    assert_eq!((skewed.epoch, skewed.summary().future), (UnixSeconds(500), 1));
    let folder = tempfile::tempdir().expect("a folder");
    let info = skewed.write(&folder.path().join("set")).expect("written");
    assert_eq!((info.epoch, info.users), (UnixSeconds(500), 2));
    assert!(skewed.summary().bytes > 0 && skewed.summary().bytes_per_user() > 1.0);
}

#[test]
fn limits_are_kept_and_named() {
    let mut builder = Builder::new(BuildOptions { rows_max: 1, ..options() }).expect("options");
    builder.add(&row("u", "view", 1)).expect("the first");
    assert!(matches!(builder.add(&row("v", "view", 1)), Err(BuildError::TooManyRows { .. })));
    assert!(matches!(builder.add(&row("v", "View", 1)), Err(BuildError::Row(_))));
    for shards in [0, 3, 2_048] {
        let refused = Builder::new(BuildOptions { shards: Some(shards), ..options() });
        assert!(matches!(refused.err(), Some(BuildError::Shards { found }) if found == shards));
    }
    let empty = Builder::new(options()).expect("options");
    assert!(matches!(empty.finish().err(), Some(BuildError::NoEpoch)));
    let told = BuildOptions { epoch: Some(NOW), ..options() };
    let empty = Builder::new(told).expect("options").finish().expect("an empty set");
    assert_eq!(empty.into_snapshot("empty").expect("packs").info().users, 0);
}
