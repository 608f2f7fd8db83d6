//! Which side each image goes to.

use std::collections::BTreeMap;

use super::{Grouped, Settings};
use crate::artifacts::digest::sha256_hex;
use crate::types::Split;

/// Images of one group, which go to one side together.
struct Group {
    members: Vec<usize>,
    /// Decides between groups of equal size; depends on the seed and the group's content alone.
    order: String,
}

/// The side of each image: within each label in the shares that the settings ask for, with whole
/// groups only.
///
/// A label with three groups or more has at least one on each side that has a share; with two
/// groups they go to train and val; a single group goes to train.
pub(super) fn assign(images: &[Grouped<'_>], settings: &Settings) -> Vec<Split> {
    let mut labels: BTreeMap<&str, BTreeMap<&str, Vec<usize>>> = BTreeMap::new();
    for (index, image) in images.iter().enumerate() {
        let groups = labels.entry(&image.item.label).or_default();
        groups.entry(&image.group).or_default().push(index);
    }
    let mut sides = vec![Split::Train; images.len()];
    for groups in labels.into_values() {
        let mut groups: Vec<Group> = groups
            .into_iter()
            .map(|(name, members)| {
                let order = sha256_hex(format!("{} {name}", settings.seed).as_bytes());
                Group { members, order }
            })
            .collect();
        groups.sort_by(|a, b| {
            b.members
                .len()
                .cmp(&a.members.len())
                .then_with(|| a.order.cmp(&b.order))
        });
        for (group, side) in groups.iter().zip(sides_of_groups(&groups, settings)) {
            for member in &group.members {
                sides[*member] = side;
            }
        }
    }
    sides
}

/// The side of each group of one label; groups come largest first.
fn sides_of_groups(groups: &[Group], settings: &Settings) -> Vec<Split> {
    let total: usize = groups.iter().map(|group| group.members.len()).sum();
    let share = |side: Split| match side {
        Split::Train => settings.train,
        Split::Val => settings.val,
        Split::Test => settings.test,
    };
    let mut missing = Split::ALL.map(|side| share(side) * total as f64);
    let mut sides = vec![None; groups.len()];
    // The smallest groups see to it that no side with a share stays empty.
    let reserved = (1..Split::ALL.len()).filter(|side| share(Split::ALL[*side]) > 0.0);
    let reserved: Vec<_> = reserved.zip((1..groups.len()).rev()).collect();
    for (side, group) in &reserved {
        sides[*group] = Some(Split::ALL[*side]);
        missing[*side] -= groups[*group].members.len() as f64;
    }
    for (index, group) in groups
        .iter()
        .enumerate()
        .take(groups.len() - reserved.len())
    {
        // Of sides that miss as much, test goes before val: the reported figures come from it.
        let side = [0, 2, 1]
            .into_iter()
            .reduce(|most, side| {
                if missing[side] > missing[most] {
                    side
                } else {
                    most
                }
            })
            .unwrap_or(0);
        sides[index] = Some(Split::ALL[side]);
        missing[side] -= group.members.len() as f64;
    }
    sides
        .into_iter()
        .map(|side| side.unwrap_or(Split::Train))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(sizes: &[usize]) -> Vec<Group> {
        let group = |(index, size): (usize, &usize)| Group {
            members: vec![index; *size],
            order: index.to_string(),
        };
        sizes.iter().enumerate().map(group).collect()
    }

    fn counts(sizes: &[usize], [train, val, test]: [f64; 3]) -> [usize; 3] {
        let settings = Settings {
            train,
            val,
            test,
            ..Settings::default()
        };
        let groups = groups(sizes);
        let sides = sides_of_groups(&groups, &settings);
        Split::ALL.map(|wanted| {
            let of_side = groups
                .iter()
                .zip(&sides)
                .filter(|(_, side)| **side == wanted);
            of_side.map(|(group, _)| group.members.len()).sum()
        })
    }

    #[test]
    fn single_images_are_split_by_their_shares() {
        assert_eq!(counts(&[1; 20], [0.7, 0.15, 0.15]), [14, 3, 3]);
        assert_eq!(counts(&[1; 10], [0.7, 0.15, 0.15]), [7, 1, 2]);
        assert_eq!(counts(&[1; 10], [0.8, 0.2, 0.0]), [8, 2, 0]);
        assert_eq!(counts(&[1; 4], [1.0, 0.0, 0.0]), [4, 0, 0]);
    }

    #[test]
    fn small_labels_fill_train_first() {
        assert_eq!(counts(&[1; 3], [0.7, 0.15, 0.15]), [1, 1, 1]);
        assert_eq!(counts(&[1; 2], [0.7, 0.15, 0.15]), [1, 1, 0]);
        assert_eq!(counts(&[1; 1], [0.7, 0.15, 0.15]), [1, 0, 0]);
    }

    #[test]
    fn large_groups_stay_whole_and_go_where_most_is_missing() {
        assert_eq!(counts(&[10, 3, 3, 2, 1, 1], [0.6, 0.2, 0.2]), [12, 4, 4]);
        assert_eq!(counts(&[30, 1, 1], [0.6, 0.2, 0.2]), [30, 1, 1]);
    }
}
