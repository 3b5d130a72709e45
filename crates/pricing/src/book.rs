//! The dated rates, ready to be asked.

use std::collections::{HashMap, hash_map::Entry};

use gatelog_model::{DeploymentType, PicoUsd, TimestampMicros};

use crate::{Context, Mode, RateFileError, RateKind, UnpricedReason, parse, parse::Row};

/// The built-in rates, see `tools/rates/build.py`.
const AZURE_OPENAI: &str = include_str!("../rates/azure-openai.csv");

/// Dated prices per token of any number of models.
///
/// A rate holds from midnight UTC of its date until the next date of the same key and region.
#[derive(Debug, Clone)]
pub struct RateBook {
    /// Whole names as answers spell them: `gpt-4o-2024-11-20`, and bare models: `gpt-4o`.
    names: HashMap<String, Name>,
    /// By [`SkuId`]: above how many input tokens a request is long.
    thresholds: Vec<Option<u64>>,
    regions: HashMap<String, RegionId>,
    /// Sorted by region, then date.
    rates: HashMap<RateKey, Vec<Rate>>,
}

/// One version of one model, or any version of it.
type SkuId = usize;
type RegionId = usize;

/// What a name stands for.
#[derive(Debug, Clone, Copy, Default)]
struct Name {
    /// The version that the name spells, or the only one the model has.
    version: Option<SkuId>,
    /// The model's rates for any version.
    any: Option<SkuId>,
    /// A model's own name, to which a version can be added.
    is_bare: bool,
    /// A bare name of several versions.
    is_ambiguous: bool,
}

/// Where to look for the rates of a request: at its version first, then at the rates for any version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sku {
    version: Option<SkuId>,
    any: Option<SkuId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct RateKey {
    sku: SkuId,
    deployment_type: DeploymentType,
    kind: RateKind,
    mode: Mode,
    context: Context,
}

/// One dated price in one region.
#[derive(Debug, Clone)]
pub(crate) struct Rate {
    /// `None` holds in any region that has no rates of its own.
    region: Option<RegionId>,
    from: TimestampMicros,
    pub(crate) price: PicoUsd,
    pub(crate) id: std::sync::Arc<str>,
    line: u64,
}

/// What decides between the rates of one model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) deployment_type: DeploymentType,
    pub(crate) region: Option<&'a str>,
    pub(crate) mode: Mode,
    pub(crate) context: Context,
    pub(crate) at: TimestampMicros,
}

impl RateBook {
    /// The rates that gatelog carries: Azure OpenAI's list prices for text models.
    pub fn builtin() -> Self {
        Self::parse(AZURE_OPENAI).expect("a test reads the built-in rates")
    }

    /// Reads a rate file of the columns of `rates/azure-openai.csv`; `version` and `region` are `;` lists, empty for any.
    ///
    /// # Errors
    ///
    /// [`RateFileError`], with the line, at the first row that cannot be read, makes no sense or contradicts another.
    pub fn parse(csv_text: &str) -> Result<Self, RateFileError> {
        let mut builder = Builder::default();
        for row in parse::rows(csv_text)? {
            builder.add(&row)?;
        }
        builder.finish()
    }

    /// Finds the model of an answer; a version that the text spells wins over `version`.
    pub(crate) fn sku(&self, model: &str, version: Option<&str>) -> Result<Sku, UnpricedReason> {
        let bare = self.names.get(model).ok_or(UnpricedReason::UnknownModel)?;
        let name = match version.filter(|_| bare.is_bare) {
            Some(version) => match self.names.get(&spelled(model, version)) {
                Some(named) if !named.is_bare => *named,
                _ => Name { version: None, is_ambiguous: false, ..*bare },
            },
            None => *bare,
        };
        if name.is_ambiguous {
            return Err(UnpricedReason::AmbiguousVersion);
        }
        if name.version.is_none() && name.any.is_none() {
            return Err(UnpricedReason::UnknownModel);
        }
        Ok(Sku { version: name.version, any: name.any })
    }

    /// The tier that this many input tokens put a request in.
    pub(crate) fn context(&self, sku: Sku, input_tokens: u64) -> Context {
        let threshold = [sku.version, sku.any].into_iter().flatten().find_map(|sku| self.thresholds[sku]);
        if threshold.is_some_and(|threshold| input_tokens > threshold) { Context::Long } else { Context::Short }
    }

    /// The rate in force for one kind of tokens.
    pub(crate) fn rate(&self, sku: Sku, kind: RateKind, asked: &Question<'_>) -> Result<&Rate, UnpricedReason> {
        let Question { deployment_type, mode, context, .. } = *asked;
        let rates = [sku.version, sku.any]
            .into_iter()
            .flatten()
            .find_map(|sku| self.rates.get(&RateKey { sku, deployment_type, kind, mode, context }))
            .ok_or(UnpricedReason::NoRate)?;
        match asked.region {
            Some(region) => self.rate_in(region, rates, asked.at),
            None => rate_anywhere(rates, asked.deployment_type, asked.at),
        }
    }

    fn rate_in<'a>(&self, region: &str, rates: &'a [Rate], at: TimestampMicros) -> Result<&'a Rate, UnpricedReason> {
        let own = self.regions.get(region).map(|id| of_region(rates, Some(*id))).unwrap_or_default();
        let listed = if own.is_empty() { of_region(rates, None) } else { own };
        if listed.is_empty() {
            return Err(UnpricedReason::NoRate);
        }
        in_force(listed, at).ok_or(UnpricedReason::BeforeFirstRate)
    }
}

/// The rate of an unknown region: for deployments that span regions the one that all regions agree on at that time.
fn rate_anywhere(
    rates: &[Rate],
    deployment_type: DeploymentType,
    at: TimestampMicros,
) -> Result<&Rate, UnpricedReason> {
    let spans_regions = match deployment_type {
        DeploymentType::Global | DeploymentType::DataZone => true,
        DeploymentType::Regional | DeploymentType::Ptu => rates.iter().all(|rate| rate.region.is_none()),
    };
    if !spans_regions {
        return Err(UnpricedReason::RegionNeeded);
    }
    let mut current = rates.chunk_by(|left, right| left.region == right.region).filter_map(|rates| in_force(rates, at));
    let first = current.next().ok_or(UnpricedReason::BeforeFirstRate)?;
    if current.all(|rate| rate.price == first.price) { Ok(first) } else { Err(UnpricedReason::RegionNeeded) }
}

fn of_region(rates: &[Rate], region: Option<RegionId>) -> &[Rate] {
    let start = rates.partition_point(|rate| rate.region < region);
    let end = rates.partition_point(|rate| rate.region <= region);
    &rates[start..end]
}

/// The last of one region's rates that has begun.
fn in_force(rates: &[Rate], at: TimestampMicros) -> Option<&Rate> {
    rates[..rates.partition_point(|rate| rate.from <= at)].last()
}

fn spelled(model: &str, version: &str) -> String {
    format!("{model}-{version}")
}

/// Collects rows and finds contradictions between them.
#[derive(Default)]
struct Builder {
    skus: HashMap<(String, Option<String>), SkuId>,
    thresholds: Vec<Option<u64>>,
    threshold_lines: HashMap<SkuId, (u64, u64)>,
    first_lines: HashMap<(String, RateKind), u64>,
    name_lines: HashMap<String, ((String, Option<String>), u64)>,
    regions: HashMap<String, RegionId>,
    rates: HashMap<RateKey, Vec<Rate>>,
}

impl Builder {
    fn add(&mut self, row: &Row) -> Result<(), RateFileError> {
        if let Some(first_line) = self.first_lines.insert((row.rate_id.clone(), row.kind), row.line) {
            return Err(conflict(first_line, row.line, "have the same rate_id and kind"));
        }
        let id: std::sync::Arc<str> = row.rate_id.as_str().into();
        let regions = self.region_ids(&row.regions);
        self.name(&row.model, None, row.line)?;
        for sku in self.sku_ids(row)? {
            self.set_threshold(sku, row)?;
            let key = RateKey {
                sku,
                deployment_type: row.deployment_type,
                kind: row.kind,
                mode: row.mode,
                context: row.context,
            };
            self.rates.entry(key).or_default().extend(regions.iter().map(|region| Rate {
                region: *region,
                from: row.effective_from,
                price: row.price,
                id: id.clone(),
                line: row.line,
            }));
        }
        Ok(())
    }

    fn region_ids(&mut self, regions: &[String]) -> Vec<Option<RegionId>> {
        if regions.is_empty() {
            return vec![None];
        }
        let mut ids = Vec::with_capacity(regions.len());
        for region in regions {
            let next = self.regions.len();
            ids.push(Some(*self.regions.entry(region.clone()).or_insert(next)));
        }
        ids
    }

    fn sku_ids(&mut self, row: &Row) -> Result<Vec<SkuId>, RateFileError> {
        let versions: Vec<Option<&String>> =
            if row.versions.is_empty() { vec![None] } else { row.versions.iter().map(Some).collect() };
        let mut ids = Vec::with_capacity(versions.len());
        for version in versions {
            if version.is_some() {
                self.name(&row.model, version, row.line)?;
            }
            let next = self.skus.len();
            let id = *self.skus.entry((row.model.clone(), version.cloned())).or_insert(next);
            self.thresholds.resize(self.skus.len(), None);
            ids.push(id);
        }
        Ok(ids)
    }

    /// Notes what a name means; it may mean one thing only.
    fn name(&mut self, model: &str, version: Option<&String>, line: u64) -> Result<(), RateFileError> {
        let text = version.map_or_else(|| model.to_owned(), |version| spelled(model, version));
        let meaning = (model.to_owned(), version.cloned());
        match self.name_lines.entry(text) {
            Entry::Occupied(known) if known.get().0 != meaning => {
                Err(conflict(known.get().1, line, "give the same name to different models"))
            }
            Entry::Occupied(_) => Ok(()),
            Entry::Vacant(new) => {
                new.insert((meaning, line));
                Ok(())
            }
        }
    }

    fn set_threshold(&mut self, sku: SkuId, row: &Row) -> Result<(), RateFileError> {
        let Some(threshold) = row.long_over else { return Ok(()) };
        let (known, first_line) = *self.threshold_lines.entry(sku).or_insert((threshold, row.line));
        if known != threshold {
            return Err(conflict(first_line, row.line, "give one model two values of `long_over`"));
        }
        self.thresholds[sku] = Some(threshold);
        Ok(())
    }

    fn finish(mut self) -> Result<RateBook, RateFileError> {
        for rates in self.rates.values_mut() {
            rates.sort_by_key(|rate| (rate.region, rate.from, rate.line));
            let same = |pair: &&[Rate]| (pair[0].region, pair[0].from) == (pair[1].region, pair[1].from);
            if let Some(pair) = rates.windows(2).find(same) {
                return Err(conflict(pair[0].line, pair[1].line, "price the same key, region and date"));
            }
        }
        let names = self.names();
        Ok(RateBook { names, thresholds: self.thresholds, regions: self.regions, rates: self.rates })
    }

    fn names(&self) -> HashMap<String, Name> {
        let mut names: HashMap<String, Name> = HashMap::new();
        for ((model, version), sku) in &self.skus {
            let bare = names.entry(model.clone()).or_insert(Name { is_bare: true, ..Name::default() });
            match version {
                None => bare.any = Some(*sku),
                Some(_) if bare.version.is_some() => bare.is_ambiguous = true,
                Some(_) => bare.version = Some(*sku),
            }
        }
        for ((model, version), sku) in &self.skus {
            let Some(version) = version else { continue };
            let any = names[model].any;
            names.insert(spelled(model, version), Name { version: Some(*sku), any, ..Name::default() });
        }
        names.values_mut().for_each(Name::settle);
        names
    }
}

impl Name {
    /// A bare name means the rates for any version, else the only version, else it is ambiguous.
    fn settle(&mut self) {
        if self.is_bare && self.any.is_some() {
            self.version = None;
            self.is_ambiguous = false;
        }
    }
}

fn conflict(first_line: u64, line: u64, problem: &'static str) -> RateFileError {
    RateFileError::Conflict { first_line, line, problem }
}
