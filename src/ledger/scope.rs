//! What caps are counted under.

use crate::model::{AdvertiserKey, CampaignKey, CreativeKey};

/// What caps are counted under: all of an advertiser's campaigns, one campaign, or one creative
/// in whichever campaigns show it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scope {
    /// All campaigns of an advertiser.
    Advertiser(AdvertiserKey),
    /// A campaign.
    Campaign(CampaignKey),
    /// A creative.
    Creative(CreativeKey),
}

impl From<AdvertiserKey> for Scope {
    fn from(key: AdvertiserKey) -> Self {
        Self::Advertiser(key)
    }
}

impl From<CampaignKey> for Scope {
    fn from(key: CampaignKey) -> Self {
        Self::Campaign(key)
    }
}

impl From<CreativeKey> for Scope {
    fn from(key: CreativeKey) -> Self {
        Self::Creative(key)
    }
}
