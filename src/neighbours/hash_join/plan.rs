//! The number of blocks, and how many bits may differ in each.

/// Most bits of a block: its table of starts has an entry for each value, 64 MiB for 24 bits.
const LARGEST_BLOCK: u32 = 24;
/// Share of a block's bits that distinguish strings as well as random bits would. Hashes of
/// pictures have correlated bits; measured on hashes of faces.
const WORTH_OF_A_BIT: f64 = 0.8;
/// The cost of sorting one string by a block, in comparisons of two strings.
const COST_OF_SORTING: f64 = 12.0;
/// The cost of looking up whether a value occurs, in comparisons of two strings.
const COST_OF_LOOKING_UP: f64 = 0.6;
/// The cost of the table entry of one value of a block, in comparisons of two strings.
const COST_OF_A_VALUE: f64 = 0.5;

/// A way to find all close pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// Compare all pairs: best for few strings and for large radiuses.
    AllPairs,
    /// Compare those that are close in a block; how many bits may differ in each.
    Blocks(Vec<u32>),
}

impl Plan {
    /// The cheapest plan for this many strings of this many bits.
    pub(super) fn cheapest(bits: u32, radius: u32, count: usize) -> Self {
        let count = count as f64;
        let all_pairs = (count * count / 2.0, Self::AllPairs);
        let fewest = bits.div_ceil(LARGEST_BLOCK);
        let plans = (fewest..=bits.min(radius + 1)).map(|blocks| {
            let tolerances = tolerances(blocks, radius);
            let costs = tolerances.iter().enumerate().map(|(block, tolerance)| {
                cost(size(bits, blocks, block as u32), *tolerance, count)
            });
            (costs.sum(), Self::Blocks(tolerances.clone()))
        });
        let cheaper = |a: (f64, Self), b: (f64, Self)| if b.0 < a.0 { b } else { a };
        plans.fold(all_pairs, cheaper).1
    }
}

/// The bits of one of this many blocks.
pub(super) fn size(bits: u32, blocks: u32, block: u32) -> u32 {
    (bits - block).div_ceil(blocks)
}

/// How many bits may differ in each of this many blocks. With one more in each they add up to one
/// more than the radius, which makes the join exact; larger ones come first, where blocks may be
/// larger.
fn tolerances(blocks: u32, radius: u32) -> Vec<u32> {
    let all = radius + 1 - blocks;
    (0..blocks)
        .map(|block| all / blocks + u32::from(block < all % blocks))
        .collect()
}

/// The cost of a block, in comparisons of two strings.
fn cost(bits: u32, tolerance: u32, count: f64) -> f64 {
    if tolerance >= bits {
        return f64::INFINITY;
    }
    let mut within = 0.0;
    let mut choices = 1.0;
    for differing in 0..=tolerance {
        within += choices;
        choices *= f64::from(bits - differing) / f64::from(differing + 1);
    }
    let (values, worth) = (f64::from(bits).exp2(), f64::from(bits) * WORTH_OF_A_BIT);
    let compared = within * count * count / worth.exp2() / 2.0;
    let looked_up = within / 2.0 * count.min(values);
    count * COST_OF_SORTING + looked_up * COST_OF_LOOKING_UP + values * COST_OF_A_VALUE + compared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_within_the_radius_keep_to_one_tolerance() {
        for radius in 0..40 {
            for blocks in 1..=radius + 1 {
                let sum: u32 = tolerances(blocks, radius).iter().map(|one| one + 1).sum();
                assert_eq!(sum, radius + 1);
            }
        }
    }

    #[test]
    fn few_strings_and_large_radiuses_are_compared_all_with_all() {
        assert_eq!(Plan::cheapest(64, 6, 10), Plan::AllPairs);
        assert_eq!(Plan::cheapest(64, 64, 100_000), Plan::AllPairs);
        for count in [10_000, 1_000_000] {
            assert!(matches!(Plan::cheapest(64, 6, count), Plan::Blocks(_)));
            assert!(matches!(Plan::cheapest(256, 20, count), Plan::Blocks(_)));
        }
    }
}
