//! The accounts: counters, spending and leases of each campaign.

use super::wire::{In, Out};
use super::{Checked, CheckpointError};
use crate::ledger::Ledger;
use crate::ledger::account::Folded;
use crate::ledger::lease::{Leases, NODES_MAX};
use crate::ledger::spending::{QUARTERS_MAX, Spending, Spent};
use crate::model::{CampaignKey, MoneyNanos, NodeKey, UnixSeconds};
use std::io::{Read, Write};

/// Writes the accounts of which the log has said anything, by campaign.
pub(super) fn write(ledger: &Ledger, out: &mut Out<'_, impl Write>) -> std::io::Result<()> {
    let accounts = ledger.all_accounts().into_iter();
    let folded: Vec<_> = accounts.map(|(campaign, account)| (campaign, account.folded())).collect();
    let told: Vec<_> = folded.iter().filter(|(_, folded)| *folded != Folded::default()).collect();
    out.count(told.len())?;
    for (campaign, folded) in told {
        out.u64(campaign.0)?;
        folded.counters.iter().try_for_each(|counter| out.u64(*counter))?;
        write_spent(folded.spending.total, out)?;
        out.u16(folded.spending.quarters.len() as u16)?;
        for (quarter, spent) in &folded.spending.quarters {
            out.u32(*quarter)?;
            write_spent(*spent, out)?;
        }
        out.u16(folded.leases.iter().len() as u16)?;
        for (node, lease) in folded.leases.iter() {
            out.u32(node.0)?;
            out.i64(lease.left.0)?;
            out.u32(lease.ends.0)?;
        }
    }
    Ok(())
}

fn write_spent(spent: Spent, out: &mut Out<'_, impl Write>) -> std::io::Result<()> {
    out.i64(spent.all.0)?;
    out.i64(spent.late.0)
}

pub(super) fn read(ledger: &Ledger, input: &mut In<'_, impl Read>) -> Checked<()> {
    let mut last = None;
    for _ in 0..input.count()? {
        let campaign = CampaignKey(input.u64()?);
        if last.replace(campaign).is_some_and(|last| last >= campaign) {
            return Err(CheckpointError::Damaged("campaigns are not in order"));
        }
        let mut folded = Folded::default();
        for counter in &mut folded.counters {
            *counter = input.u64()?;
        }
        folded.spending = read_spending(input)?;
        folded.leases = read_leases(input)?;
        ledger.open_account(campaign).restore(folded);
    }
    Ok(())
}

fn read_spending(input: &mut In<'_, impl Read>) -> Checked<Spending> {
    let mut spending = Spending { total: read_spent(input)?, quarters: Vec::new() };
    let quarters = usize::from(input.u16()?);
    if quarters > QUARTERS_MAX {
        return Err(CheckpointError::Damaged("too many quarters of an hour"));
    }
    for _ in 0..quarters {
        let quarter = input.u32()?;
        if spending.quarters.last().is_some_and(|(last, _)| *last >= quarter) {
            return Err(CheckpointError::Damaged("quarters of an hour are not in order"));
        }
        spending.quarters.push((quarter, read_spent(input)?));
    }
    Ok(spending)
}

fn read_spent(input: &mut In<'_, impl Read>) -> Checked<Spent> {
    let (all, late) = (MoneyNanos(input.i64()?), MoneyNanos(input.i64()?));
    if all.0 < 0 || late.0 < 0 || late > all {
        return Err(CheckpointError::Damaged("an amount that was spent cannot be"));
    }
    Ok(Spent { all, late })
}

fn read_leases(input: &mut In<'_, impl Read>) -> Checked<Leases> {
    let mut leases = Leases::default();
    let count = usize::from(input.u16()?);
    if count > NODES_MAX {
        return Err(CheckpointError::Damaged("too many leases"));
    }
    for _ in 0..count {
        let node = NodeKey(input.u32()?);
        let (left, ends) = (MoneyNanos(input.i64()?), UnixSeconds(input.u32()?));
        let in_order = leases.iter().next_back().is_none_or(|(last, _)| *last < node);
        if !in_order || left.0 < 0 {
            return Err(CheckpointError::Damaged("a lease cannot be"));
        }
        leases.grant(node, left, ends);
    }
    Ok(leases)
}
