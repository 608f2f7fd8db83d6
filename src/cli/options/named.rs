//! Options whose values are the names of a domain's enum, which `strum` derives from it.

use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// A parser of the names of an enum's variants; each variant's comment is its help.
pub(crate) fn named<T>(variants: &'static [T]) -> impl TypedValueParser<Value = T>
where
    T: Copy + strum::EnumMessage + FromStr + Send + Sync + 'static,
    &'static str: From<T>,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let value = |variant: &T| {
        let value = PossibleValue::new(<&'static str>::from(*variant));
        match variant.get_documentation() {
            Some(text) => value.help(text.trim_end_matches('.')),
            None => value,
        }
    };
    PossibleValuesParser::new(variants.iter().map(value)).try_map(|name| name.parse::<T>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_prepare::Conflicts;
    use strum::VariantArray as _;

    #[test]
    fn names_are_those_on_disk_and_each_has_a_help_text() {
        let parser = named(Conflicts::VARIANTS);
        let values: Vec<PossibleValue> = parser.possible_values().expect("has some").collect();
        for (value, variant) in values.iter().zip(Conflicts::VARIANTS) {
            let on_disk = serde_json::to_value(variant).expect("serialises");
            assert_eq!(on_disk, value.get_name());
            assert!(value.get_help().is_some());
        }
    }
}
