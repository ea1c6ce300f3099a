//! All small trees, and all triples of them, each with a number.
//!
//! A triple is an agreed tree and what each side shows of it: any tree, any of whose nodes may be any agreed node of its
//! kind, wherever it lies now, or a new one; an agreed node that is none of them is gone from that side. Nothing is left
//! out and nothing is there twice, so the count is that of the triples, and a number is enough to tell one again.

use std::collections::{BTreeMap, BTreeSet};

/// What a node is: one kind of folder, one kind of file for each content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum What {
    Folder,
    File(u8),
}

impl What {
    pub(super) const fn is_folder(self) -> bool {
        matches!(self, Self::Folder)
    }
}

/// A node of a tree: where it is, and what.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Spot {
    /// The place of its folder in the list, which comes before it.
    pub(super) parent: Option<usize>,
    pub(super) name: u8,
    pub(super) what: What,
}

/// A node that a side shows: where it is, and which agreed node it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Seen {
    pub(super) spot: Spot,
    /// `None`: it is new.
    pub(super) was: Option<usize>,
}

/// The three trees; folders come before what is in them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Triple {
    pub(super) base: Vec<Spot>,
    pub(super) here: Vec<Seen>,
    pub(super) there: Vec<Seen>,
}

/// What two triples may differ in and be one: two names change places, or two contents, or both.
#[derive(Clone, Copy, Debug)]
struct Mirror {
    names: bool,
    contents: bool,
}

const MIRRORS: [Mirror; 3] = [
    Mirror {
        names: true,
        contents: false,
    },
    Mirror {
        names: false,
        contents: true,
    },
    Mirror {
        names: true,
        contents: true,
    },
];

/// How many files and how many folders a tree has.
type Count = (usize, usize);

/// All triples of trees of some size.
pub(super) struct Space {
    forests: Vec<Vec<Spot>>,
    /// For an agreed tree of so many files and folders: how many ways a side may show it, up to and with each tree.
    sides: BTreeMap<Count, Vec<u64>>,
    /// How many triples there are up to and with each agreed tree.
    ends: Vec<u64>,
}

impl Space {
    /// Those of up to so many nodes, names and contents.
    pub(super) fn new(nodes: usize, names: u8, contents: u8) -> Self {
        let forests = forests(nodes, names, contents);
        let counts: Vec<Count> = forests.iter().map(|forest| count(forest)).collect();
        let mut sides = BTreeMap::new();
        let mut ends = Vec::new();
        let mut triples = 0;
        for base in &counts {
            let ways = sides.entry(*base).or_insert_with(|| {
                let mut sum = 0;
                let up_to = |seen: &Count| {
                    sum += pairings(base.0, seen.0) * pairings(base.1, seen.1);
                    sum
                };
                counts.iter().map(up_to).collect::<Vec<u64>>()
            });
            triples += ways.last().unwrap().pow(2);
            ends.push(triples);
        }
        Self { forests, sides, ends }
    }

    /// How many triples there are.
    pub(super) fn len(&self) -> u64 {
        *self.ends.last().unwrap()
    }

    /// Whether no triple of a smaller number differs from this one only by which of two names, and which of two contents,
    /// is which.
    pub(super) fn is_first(&self, number: u64) -> bool {
        let (at, _) = find(&self.ends, number);
        let base = &self.forests[at];
        let mut triple = None;
        MIRRORS.iter().all(|mirror| {
            let (image, moved) = mirror.forest(base);
            let other = self.forests.iter().position(|forest| *forest == image).unwrap();
            if other != at {
                return at < other;
            }
            let triple = triple.get_or_insert_with(|| self.triple(number));
            let sides = (
                mirror.side(&triple.here, &moved),
                mirror.side(&triple.there, &moved),
            );
            (&triple.here, &triple.there) <= (&sides.0, &sides.1)
        })
    }

    /// The triple of this number.
    pub(super) fn triple(&self, number: u64) -> Triple {
        let (at, rest) = find(&self.ends, number);
        let base = &self.forests[at];
        let ways = *self.sides[&count(base)].last().unwrap();
        Triple {
            base: base.clone(),
            here: self.side(base, rest / ways),
            there: self.side(base, rest % ways),
        }
    }

    fn side(&self, base: &[Spot], number: u64) -> Vec<Seen> {
        let (at, rest) = find(&self.sides[&count(base)], number);
        let forest = &self.forests[at];
        let of_kind = |folder: bool, spots: &[Spot]| -> Vec<usize> {
            let all = spots.iter().enumerate();
            all.filter(|(_, spot)| spot.what.is_folder() == folder)
                .map(|(at, _)| at)
                .collect()
        };
        let (files, folders) = (of_kind(false, base), of_kind(true, base));
        let (seen_files, seen_folders) = (of_kind(false, forest), of_kind(true, forest));
        let ways = pairings(files.len(), seen_files.len());
        let mut was = vec![None; forest.len()];
        pair(&mut was, files, &seen_files, rest % ways);
        pair(&mut was, folders, &seen_folders, rest / ways);
        let nodes = forest.iter().zip(was);
        nodes.map(|(spot, was)| Seen { spot: *spot, was }).collect()
    }
}

impl Mirror {
    fn spot(self, spot: Spot) -> Spot {
        let what = match spot.what {
            What::File(text) if self.contents => What::File(1 - text),
            What::File(_) | What::Folder => spot.what,
        };
        let name = if self.names { 1 - spot.name } else { spot.name };
        Spot { name, what, ..spot }
    }

    /// The tree in the mirror, and where each of its nodes is in the list then.
    fn forest(self, forest: &[Spot]) -> (Vec<Spot>, Vec<usize>) {
        let mirrored: Vec<Spot> = forest.iter().map(|spot| self.spot(*spot)).collect();
        let mut order: Vec<usize> = (0..forest.len()).collect();
        order.sort_by_key(|at| names(&mirrored, *at));
        let place = |at: usize| order.iter().position(|other| *other == at).unwrap();
        let spots = order.iter().map(|at| {
            let spot = mirrored[*at];
            Spot {
                parent: spot.parent.map(place),
                ..spot
            }
        });
        (spots.collect(), (0..forest.len()).map(place).collect())
    }

    fn side(self, side: &[Seen], moved: &[usize]) -> Vec<Seen> {
        let spots: Vec<Spot> = side.iter().map(|node| node.spot).collect();
        let (image, places) = self.forest(&spots);
        let mut seen: Vec<Seen> = image.into_iter().map(|spot| Seen { spot, was: None }).collect();
        for (node, place) in side.iter().zip(places) {
            seen[place].was = node.was.map(|was| moved[was]);
        }
        seen
    }
}

/// The names from the root down to a node.
fn names(spots: &[Spot], at: usize) -> Vec<u8> {
    let above = spots[at]
        .parent
        .map_or_else(Vec::new, |parent| names(spots, parent));
    [above, vec![spots[at].name]].concat()
}

/// The place of a number among sums, and what is left of it there.
fn find(ends: &[u64], number: u64) -> (usize, u64) {
    let at = ends.partition_point(|end| *end <= number);
    let begin = if at == 0 { 0 } else { ends[at - 1] };
    (at, number - begin)
}

fn count(forest: &[Spot]) -> Count {
    let folders = forest.iter().filter(|spot| spot.what.is_folder()).count();
    (forest.len() - folders, folders)
}

/// In how many ways some of `one` can be some of `other`, each once.
fn pairings(one: usize, other: usize) -> u64 {
    if one == 0 || other == 0 {
        return 1;
    }
    pairings(one, other - 1) + one as u64 * pairings(one - 1, other - 1)
}

/// Says which agreed node each of these is, in the way of this number.
fn pair(was: &mut [Option<usize>], mut agreed: Vec<usize>, seen: &[usize], mut number: u64) {
    for (at, node) in seen.iter().enumerate() {
        let left = seen.len() - at - 1;
        let new = pairings(agreed.len(), left);
        if number < new {
            continue;
        }
        number -= new;
        let each = pairings(agreed.len() - 1, left);
        was[*node] = Some(agreed.remove(usize::try_from(number / each).unwrap()));
        number %= each;
    }
}

/// Every tree of up to so many nodes, the small ones first. No two nodes of a folder have one name.
fn forests(nodes: usize, names: u8, contents: u8) -> Vec<Vec<Spot>> {
    /// A tree as the set of its paths, so that it is the same however it grew.
    type Paths = BTreeMap<Vec<u8>, What>;
    let mut all = vec![Paths::new()];
    let mut grown = BTreeSet::from([Paths::new()]);
    for _ in 0..nodes {
        let mut next = BTreeSet::new();
        for tree in &grown {
            let inside = tree.iter().filter(|(_, what)| what.is_folder());
            let folders = inside.map(|(path, _)| path.clone()).chain([Vec::new()]);
            for (folder, name) in
                folders.flat_map(|folder| (0..names).map(move |name| (folder.clone(), name)))
            {
                let path = [folder, vec![name]].concat();
                if tree.contains_key(&path) {
                    continue;
                }
                for what in (0..contents).map(What::File).chain([What::Folder]) {
                    let mut more = tree.clone();
                    more.insert(path.clone(), what);
                    next.insert(more);
                }
            }
        }
        all.extend(next.iter().cloned());
        grown = next;
    }
    all.iter().map(spots).collect()
}

fn spots(tree: &BTreeMap<Vec<u8>, What>) -> Vec<Spot> {
    let place = |path: &[u8]| tree.keys().position(|other| other == path);
    let spot = |(path, what): (&Vec<u8>, &What)| {
        let (name, folder) = path.split_last().unwrap();
        Spot {
            parent: place(folder),
            name: *name,
            what: *what,
        }
    };
    tree.iter().map(spot).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_another_triple_and_all_numbers_are_all_triples() {
        let space = Space::new(2, 2, 2);
        assert_eq!(space.len(), 175_140);
        let mut seen = BTreeSet::new();
        for number in 0..space.len() {
            assert!(seen.insert(format!("{:?}", space.triple(number))), "{number}");
        }
    }

    #[test]
    fn of_each_triple_and_its_mirrors_just_one_is_first() {
        let space = Space::new(2, 2, 2);
        let images = |triple: &Triple| {
            MIRRORS.map(|mirror| {
                let (base, moved) = mirror.forest(&triple.base);
                let (here, there) = (
                    mirror.side(&triple.here, &moved),
                    mirror.side(&triple.there, &moved),
                );
                Triple { base, here, there }
            })
        };
        let mut classes = BTreeSet::new();
        let mut firsts = 0;
        for number in 0..space.len() {
            let triple = space.triple(number);
            let mut class = images(&triple).map(|image| format!("{image:?}")).to_vec();
            class.push(format!("{triple:?}"));
            classes.insert(class.into_iter().min());
            firsts += usize::from(space.is_first(number));
        }
        assert_eq!(firsts, classes.len());
    }

    #[test]
    fn no_agreed_node_is_two_of_a_side_and_none_changes_its_kind() {
        let space = Space::new(4, 3, 2);
        for number in (0..space.len()).step_by(usize::try_from(space.len() / 5_000).unwrap()) {
            let triple = space.triple(number);
            for side in [&triple.here, &triple.there] {
                let was: Vec<usize> = side.iter().filter_map(|node| node.was).collect();
                assert_eq!(was.iter().collect::<BTreeSet<_>>().len(), was.len());
                for node in side {
                    let kind = node.was.map(|was| triple.base[was].what.is_folder());
                    assert!(kind.is_none_or(|folder| folder == node.spot.what.is_folder()));
                    let folder = node.spot.parent.map(|parent| side[parent].spot.what);
                    assert!(folder.is_none_or(What::is_folder));
                }
            }
        }
    }
}
