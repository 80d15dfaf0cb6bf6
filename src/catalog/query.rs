//! The storefront's search: every word has to occur in name, description or tags.

use std::sync::Arc;

use memchr::memmem::Finder;

use super::title::Title;

/// A stranger's search is cut to this many letters and words: the rest would only cost time.
const MAX_QUERY: usize = 200;
const MAX_WORDS: usize = 8;
/// Most titles on one page.
const MAX_PER_PAGE: u32 = 100;

/// What to list.
#[derive(Debug, Clone)]
pub struct Query {
    /// Words that all must occur; upper and lower case are alike.
    pub q: Option<String>,
    /// A tag that must be there, upper and lower case alike.
    pub tag: Option<String>,
    /// Counted from 1; 0 counts as 1.
    pub page: u32,
    /// 1 to 100.
    pub per_page: u32,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            q: None,
            tag: None,
            page: 1,
            per_page: 24,
        }
    }
}

/// One page of titles.
#[derive(Debug, Clone)]
pub struct Page {
    pub titles: Vec<Arc<Title>>,
    /// How many match on all pages.
    pub total: usize,
    /// At least 1.
    pub pages: u32,
}

impl Query {
    pub(super) fn run(&self, listed: &[Arc<Title>]) -> Page {
        let text: String = self
            .q
            .iter()
            .flat_map(|q| q.chars())
            .take(MAX_QUERY)
            .collect();
        let text = text.to_lowercase();
        let words: Vec<_> = text
            .split_whitespace()
            .take(MAX_WORDS)
            .map(Finder::new)
            .collect();
        let tag = self
            .tag
            .as_deref()
            .map(str::trim)
            .filter(|tag| !tag.is_empty());
        let per_page = self.per_page.clamp(1, MAX_PER_PAGE) as usize;
        let skipped = (self.page.max(1) as usize - 1).saturating_mul(per_page);

        let mut titles = Vec::new();
        let mut total = 0;
        let mut folded = String::new();
        for title in listed {
            let found = words.is_empty() || {
                fold(title, &mut folded);
                let mut words = words.iter();
                words.all(|word| word.find(folded.as_bytes()).is_some())
            };
            if found && tag.is_none_or(|tag| has_tag(title, tag)) {
                if total >= skipped && titles.len() < per_page {
                    titles.push(Arc::clone(title));
                }
                total += 1;
            }
        }
        let pages = u32::try_from(total.div_ceil(per_page))
            .unwrap_or(u32::MAX)
            .max(1);
        Page {
            titles,
            total,
            pages,
        }
    }
}

/// What the search looks at: name, description and tags in lower case, a line each. Made anew at
/// every search: kept, it would weigh 4 MB in 10,000 titles to save 3 ms.
fn fold(title: &Title, folded: &mut String) {
    folded.clear();
    let texts = [&title.name, &title.description];
    for text in texts.into_iter().chain(&title.tags) {
        if text.is_ascii() {
            let start = folded.len();
            folded.push_str(text);
            folded[start..].make_ascii_lowercase();
        } else {
            folded.extend(text.chars().flat_map(char::to_lowercase));
        }
        folded.push('\n');
    }
}

fn has_tag(title: &Title, wanted: &str) -> bool {
    let folded = |text: &str| {
        text.chars()
            .flat_map(char::to_lowercase)
            .collect::<Vec<_>>()
    };
    let wanted_folded = folded(wanted);
    title.tags.iter().any(|tag| {
        tag.chars()
            .flat_map(char::to_lowercase)
            .eq(wanted_folded.iter().copied())
    })
}
