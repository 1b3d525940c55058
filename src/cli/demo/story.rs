//! The demo's shopper: played once, before the exchange opens.

use super::super::exit::{self, Failure};
use super::super::wall_clock;
use crate::bidder::assembly::Started;
use crate::demo::shopper::{self, SHOP, Stage, Story};
use crate::server::settings::Settings;
use crate::server::settings::secrets::{Secret, resolve};

/// Plays the story. In a workspace whose shop takes no events there is none.
pub(super) fn play(settings: &Settings, started: &Started) -> Result<Story, Failure> {
    let Some(stage) = stage(settings, started) else {
        let told = format!(
            "\nNo shopper's story: in this workspace {SHOP} takes no events. `--fresh` makes it \
             anew.\n"
        );
        return Ok(Story { told, fault: None });
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(exit::OS, error))?;
    Ok(runtime.block_on(shopper::play(&stage, wall_clock())))
}

fn stage(settings: &Settings, started: &Started) -> Option<Stage> {
    let served = started.bidder.served();
    let shop = served.business.book.advertisers.iter().find(|shop| shop.id == SHOP)?;
    shop.events.as_ref()?;
    let secrets = resolve(&settings.secrets).ok()?;
    let text = |secret: &Secret| String::from_utf8_lossy(secret.expose()).into_owned();
    let (_, key) = secrets.shop_keys.iter().find(|(shop, _)| shop == SHOP)?;
    let addresses = started.running.addresses();
    Some(Stage {
        bids: addresses.bid,
        notices: addresses.notices,
        admin: addresses.admin,
        admin_token: text(secrets.admin_token.as_ref()?),
        shop_key: text(key),
    })
}
