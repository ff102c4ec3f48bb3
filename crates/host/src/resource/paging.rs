//! Lists of typed answers, in the shape that all lists have.

use plimsoll_core::{Error, Fault, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::route::Json;

/// Most items on a page.
pub const MOST: i64 = 100;
/// Items on a page, unless asked otherwise.
pub const USUAL: i64 = 10;

/// Which page of a list.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// The page, from 1.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub page: Option<i64>,
    /// Items on a page, 1 to 100; 10 unless said otherwise.
    #[schemars(range(min = 1, max = 100))]
    pub page_size: Option<i64>,
}

impl Paging {
    /// The page, from 1.
    pub fn page(&self) -> i64 {
        self.page.unwrap_or(1)
    }
    /// Items on a page.
    pub fn page_size(&self) -> i64 {
        self.page_size.unwrap_or(USUAL)
    }
    /// How many items stand before the page.
    pub fn offset(&self) -> i64 {
        (self.page() - 1).saturating_mul(self.page_size())
    }
    /// The items of this page, out of `total`.
    pub fn answer<T>(&self, items: Vec<T>, total: i64) -> Json<Page<T>> {
        Json(Page { items, pagination: Pagination::new(self.page(), self.page_size(), total) })
    }
}

/// One page of a list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where this page stands.
    pub pagination: Pagination,
}

/// Where a page stands in its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pagination {
    /// This page, from 1.
    pub page: i64,
    /// Items on a page.
    pub page_size: i64,
    /// Items on all pages.
    pub total_items: i64,
    /// Pages; 0 when there is nothing.
    pub total_pages: i64,
    /// Whether a later page has items.
    pub has_next: bool,
    /// Whether an earlier page has items.
    pub has_prev: bool,
}

impl Pagination {
    /// The position of `page` among `total` items.
    pub fn new(page: i64, page_size: i64, total: i64) -> Pagination {
        let total_pages = total.div_euclid(page_size) + i64::from(total.rem_euclid(page_size) > 0);
        Pagination { page, page_size, total_items: total, total_pages, has_next: page < total_pages, has_prev: page > 1 && total_pages > 0 }
    }
}

/// A whole number from a query, within bounds, or a fault at its name.
pub(crate) fn bounded(name: &str, text: &str, max: i64) -> Result<i64> {
    match text.parse::<i64>() {
        Ok(number) if (1..=max).contains(&number) => Ok(number),
        _ => Err(Error::invalid(vec![Fault::at(format!("?{name}"), format!("must be a whole number from 1 to {max}"))])),
    }
}

#[cfg(test)]
mod tests {
    use super::Pagination;

    #[test]
    fn pages_are_counted_as_people_count_them() {
        for (page, size, total, pages, next, prev) in [
            (1, 10, 0, 0, false, false),
            (1, 10, 10, 1, false, false),
            (1, 10, 11, 2, true, false),
            (2, 10, 11, 2, false, true),
            (9, 10, 11, 2, false, true),
            (2, 10, 0, 0, false, false),
        ] {
            let got = Pagination::new(page, size, total);
            assert_eq!((got.total_pages, got.has_next, got.has_prev), (pages, next, prev), "page {page} of {total}");
        }
    }
}
