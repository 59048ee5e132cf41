//! Cuts messages into groups and slices as they stream by.

use std::collections::BTreeMap;

/// What messages must have in common to travel together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    /// The sender's name.
    pub sender: String,
    /// The variant's index.
    pub variant: Option<usize>,
    /// The zone's IANA name.
    pub zone: String,
}

/// A slice that is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutSlice {
    /// Its number in the campaign.
    pub number: u32,
    /// Its group.
    pub group: u32,
    /// How many messages it has.
    pub messages: u32,
}

/// Where a message was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Its group's number.
    pub group: u32,
    /// Its slice's number.
    pub slice: u32,
    /// The group is new with this message.
    pub is_new_group: bool,
    /// The slice that is full with this message.
    pub full: Option<CutSlice>,
}

/// Numbers groups and slices. Memory grows with the number of groups alone.
#[derive(Debug, Clone, Default)]
pub struct Cutter {
    groups: BTreeMap<GroupKey, u32>,
    /// By group: the slice that is being filled, and how many messages it has.
    open: Vec<Option<(u32, u32)>>,
    next_slice: u32,
}

impl Cutter {
    /// Puts a message of this group into a slice of at most `size` messages.
    pub fn put(&mut self, key: GroupKey, size: u32) -> Cut {
        let next_group = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        let group = *self.groups.entry(key).or_insert(next_group);
        let is_new_group = group == next_group;
        if is_new_group {
            self.open.push(None);
        }
        let place = &mut self.open[group as usize];
        let (slice, before) = place.unwrap_or_else(|| {
            let number = self.next_slice;
            self.next_slice += 1;
            (number, 0)
        });
        let messages = before + 1;
        let is_full = messages >= size.max(1);
        *place = (!is_full).then_some((slice, messages));
        Cut {
            group,
            slice,
            is_new_group,
            full: is_full.then_some(CutSlice { number: slice, group, messages }),
        }
    }

    /// The slices that are not full, at the end.
    pub fn rest(&mut self) -> Vec<CutSlice> {
        let mut rest = Vec::new();
        for (group, place) in self.open.iter_mut().enumerate() {
            if let Some((number, messages)) = place.take() {
                rest.push(CutSlice { number, group: u32::try_from(group).unwrap_or(u32::MAX), messages });
            }
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(zone: &str) -> GroupKey {
        GroupKey { sender: "s".into(), variant: None, zone: zone.into() }
    }

    #[test]
    fn slices_fill_up_and_the_rest_comes_at_the_end() {
        let mut cutter = Cutter::default();
        let cuts: Vec<Cut> = ["a", "b", "a", "a", "b"].iter().map(|z| cutter.put(key(z), 2)).collect();
        assert_eq!(
            cuts.iter().map(|c| (c.group, c.slice)).collect::<Vec<_>>(),
            [(0, 0), (1, 1), (0, 0), (0, 2), (1, 1)]
        );
        assert_eq!(cuts[2].full, Some(CutSlice { number: 0, group: 0, messages: 2 }));
        assert_eq!(cutter.rest(), [CutSlice { number: 2, group: 0, messages: 1 }]);
        assert_eq!(cutter.rest(), []);
    }
}
