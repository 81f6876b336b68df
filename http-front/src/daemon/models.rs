//! The child's list of models on one connection: when it is asked for, and its pages. Pure.
//!
//! It promises that one list is asked for at a time, so that the pages of two never mix, and that the list of a child
//! is asked for once.

use shared::{
    app_server::model::{Model, ModelListResult},
    control::Status,
};

/// The largest number of models that is read; pages beyond it are left.
const MAX_MODELS: usize = 1000;
/// The largest number of pages, should they have no end.
const MAX_PAGES: usize = 100;

/// Which child it is, as far as a status tells: its number and its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child(u64, Option<u32>);

impl Child {
    /// The child that a status is about.
    pub fn of(status: &Status) -> Self {
        Self(status.starts, status.pid)
    }
}

/// What a page leads to.
#[derive(Debug)]
pub(super) enum Page {
    /// The next one begins here.
    More(String),
    /// It was the last one.
    Whole(Vec<Model>),
}

/// The list.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The pages that came so far.
    models: Vec<Model>,
    pages: usize,
    /// Whether a page is on its way.
    asking: bool,
    /// Whether another list is wanted once this one is there.
    again: bool,
    /// The child that was known when the list was wanted last; `None`: no list of it is there or on its way.
    child: Option<Child>,
}

impl Listing {
    /// A list of this child is wanted. True when its first page is to be asked for now: not while another list is on
    /// its way, and not when this child's is there.
    pub(super) fn want(&mut self, child: Option<Child>) -> bool {
        if child.is_some() && self.child == child {
            return false;
        }
        self.child = child;
        if self.asking {
            self.again = true;
            return false;
        }
        self.begin();
        true
    }

    /// A page came.
    pub(super) fn page(&mut self, page: ModelListResult) -> Page {
        self.models.extend(page.data);
        self.pages += 1;
        match page.next_cursor {
            Some(cursor) if self.models.len() < MAX_MODELS && self.pages < MAX_PAGES => Page::More(cursor),
            Some(_) | None => {
                self.asking = false;
                Page::Whole(std::mem::take(&mut self.models))
            }
        }
    }

    /// There will be no list: a page was refused, or can't be read.
    pub(super) fn failed(&mut self) {
        self.asking = false;
        if !self.again {
            self.child = None;
        }
    }

    /// Whether another list was wanted meanwhile; its first page is to be asked for now.
    pub(super) fn begins_again(&mut self) -> bool {
        let again = !self.asking && std::mem::take(&mut self.again);
        if again {
            self.begin();
        }
        again
    }

    fn begin(&mut self) {
        self.models.clear();
        self.pages = 0;
        self.asking = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(names: &[&str], next: Option<&str>) -> ModelListResult {
        let data: Vec<_> = names.iter().map(|name| serde_json::json!({ "model": name })).collect();
        serde_json::from_value(serde_json::json!({ "data": data, "nextCursor": next })).unwrap()
    }

    fn whole(page: Page) -> Vec<String> {
        match page {
            Page::Whole(models) => models.into_iter().map(|model| model.model).collect(),
            Page::More(cursor) => panic!("more from {cursor}"),
        }
    }

    const FIRST: Option<Child> = Some(Child(1, Some(10)));
    const SECOND: Option<Child> = Some(Child(2, Some(20)));

    #[test]
    fn the_list_of_a_child_is_asked_for_once() {
        let mut list = Listing::default();
        assert!(list.want(FIRST));
        assert!(!list.want(FIRST), "it is on its way");
        assert_eq!(whole(list.page(page(&["a"], None))), ["a"]);
        assert!(!list.begins_again());
        assert!(!list.want(FIRST), "it is there");
        assert!(list.want(SECOND));
    }

    #[test]
    fn two_lists_never_mix() {
        let mut list = Listing::default();
        assert!(list.want(FIRST));
        assert!(matches!(list.page(page(&["a"], Some("1"))), Page::More(_)));
        assert!(!list.want(SECOND), "not before the first one is there");
        assert!(!list.begins_again());
        assert_eq!(whole(list.page(page(&["b"], None))), ["a", "b"]);
        assert!(list.begins_again());
        assert!(!list.begins_again());
        assert_eq!(whole(list.page(page(&["c"], None))), ["c"]);
        assert!(!list.want(SECOND));
    }

    #[test]
    fn a_list_that_failed_is_wanted_again() {
        let mut list = Listing::default();
        assert!(list.want(FIRST));
        assert!(matches!(list.page(page(&["a"], Some("1"))), Page::More(_)));
        list.failed();
        assert!(!list.begins_again());
        assert!(list.want(FIRST));
        assert!(!list.want(SECOND));
        list.failed();
        assert!(list.begins_again(), "what was wanted meanwhile is not forgotten");
        assert_eq!(whole(list.page(page(&["b"], None))), ["b"], "no page of the failed ones is left");
        assert!(!list.want(SECOND));
        let mut unknown = Listing::default();
        assert!(unknown.want(None));
        whole(unknown.page(page(&[], None)));
        assert!(unknown.want(None), "nothing says that it is the same child");
    }

    #[test]
    fn pages_without_an_end_are_left() {
        let mut list = Listing::default();
        assert!(list.want(None));
        let mut pages = 1;
        while let Page::More(_) = list.page(page(&[], Some("on"))) {
            pages += 1;
        }
        assert_eq!(pages, MAX_PAGES);
    }
}
