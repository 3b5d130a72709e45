//! When manifests are merged: in tiers, like a log-structured tree.
//!
//! Every commit adds one manifest. A manifest's tier is the logarithm of its file count to the base [`FAN_IN`]. As soon
//! as a tier holds [`FAN_IN`] manifests they become one of the next tier. A data file's entry is therefore rewritten once
//! per tier, so n commits cost O(n log n) in all, and at most `FAN_IN - 1` manifests per tier remain.

use std::collections::BTreeMap;

/// Manifests of a tier that are merged into one. Commit 2,000 then has at most 3 x 15 manifests, and a file's entry is
/// rewritten 3 times in its first 4,096 commits.
pub(crate) const FAN_IN: usize = 16;

/// A larger manifest is left alone, which bounds what one commit reads and writes for merging to [`FAN_IN`] times this.
/// From there on the list grows by one entry of some 300 bytes per ~5,000 commits.
pub(crate) const MERGED_BYTES_MAX: u64 = 1 << 20;

/// A manifest as the plan sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Live data files in it.
    pub(crate) files: u64,
    /// Its length; zero for the one that is yet to be written.
    pub(crate) bytes: u64,
}

/// Decides which manifests become one. Each group has at least two positions of `manifests`; no position is in two.
pub(crate) fn plan(manifests: &[Size]) -> Vec<Vec<usize>> {
    let mut tiers: BTreeMap<u32, Vec<Node>> = BTreeMap::new();
    let mut done = Vec::new();
    for (position, size) in manifests.iter().enumerate() {
        let node = Node { sources: vec![position], size: *size };
        if let Some(tier) = node.tier() {
            tiers.entry(tier).or_default().push(node);
        }
    }
    // A merge can fill the next tier, so the walk goes upwards until no tier is full.
    while let Some((&tier, _)) = tiers.iter().find(|(_, nodes)| nodes.len() >= FAN_IN) {
        let merged = Node::merge(tiers.remove(&tier).unwrap_or_default());
        match merged.tier() {
            Some(next) => tiers.entry(next).or_default().push(merged),
            None => done.push(merged),
        }
    }
    let groups = tiers.into_values().flatten().chain(done).map(|node| node.sources);
    groups.filter(|sources| sources.len() > 1).collect()
}

struct Node {
    sources: Vec<usize>,
    size: Size,
}

impl Node {
    /// `None` for a manifest that is not to be merged.
    fn tier(&self) -> Option<u32> {
        (self.size.bytes <= MERGED_BYTES_MAX).then(|| self.size.files.max(1).ilog(FAN_IN as u64))
    }

    fn merge(nodes: Vec<Self>) -> Self {
        let size = Size {
            files: nodes.iter().map(|node| node.size.files).sum(),
            bytes: nodes.iter().map(|node| node.size.bytes).sum(),
        };
        Self { sources: nodes.into_iter().flat_map(|node| node.sources).collect(), size }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes of a manifest: a header, and an entry per file.
    fn size(files: u64) -> Size {
        Size { files, bytes: 10_000 + 2_000 * files }
    }

    /// Appends a manifest per commit; returns the manifests left and the entries written in all.
    fn simulate(commits: &[u64]) -> (Vec<Size>, u64) {
        let (mut manifests, mut written) = (Vec::new(), 0);
        for &files in commits {
            manifests.push(size(files));
            written += files;
            let groups = plan(&manifests);
            let merged: Vec<Size> =
                groups.iter().map(|group| size(group.iter().map(|&at| manifests[at].files).sum())).collect();
            written += merged.iter().map(|size| size.files).sum::<u64>();
            let gone: Vec<usize> = groups.concat();
            let kept = manifests.iter().enumerate().filter(|(at, _)| !gone.contains(at)).map(|(_, size)| *size);
            manifests = kept.chain(merged).collect();
        }
        (manifests, written)
    }

    #[test]
    fn a_full_tier_becomes_one_manifest_and_may_fill_the_next() {
        assert!(plan(&[size(1); 15]).is_empty());
        assert_eq!(plan(&[size(1); 16]), [(0..16).collect::<Vec<_>>()]);
        let mut cascade = vec![size(16); 15];
        cascade.extend([size(1); 16]);
        assert_eq!(plan(&cascade).concat().len(), 31);
        assert_eq!(plan(&cascade).len(), 1);
    }

    #[test]
    fn a_manifest_above_the_limit_is_left_alone() {
        assert!(plan(&[Size { files: 1, bytes: MERGED_BYTES_MAX + 1 }; 40]).is_empty());
    }

    #[test]
    fn after_many_commits_few_manifests_remain_and_little_was_rewritten() {
        let (manifests, written) = simulate(&vec![1; 4_000]);
        assert!(manifests.len() <= 45, "{} manifests", manifests.len());
        assert!(written <= 4 * 4_000, "{written} entries written");
    }

    proptest! {
        #[test]
        fn no_file_is_lost_and_no_tier_stays_full(commits in proptest::collection::vec(1_u64..40, 1..300)) {
            let (manifests, _) = simulate(&commits);
            prop_assert_eq!(manifests.iter().map(|size| size.files).sum::<u64>(), commits.iter().sum::<u64>());
            prop_assert!(plan(&manifests).is_empty());
            prop_assert!(manifests.iter().filter(|size| size.bytes <= MERGED_BYTES_MAX).count() <= 15 * 4);
        }
    }
}
