//! Three gateways share a budget, one is killed, and Azure's own count of tokens stays within it.
//!
//! # What a kill may cost
//!
//! What the dead one had leased counts as spent until it is started again, after the round: then its notes say what it may
//! have used, and the rest is free. Until then it is at most a slice, a 64th of the budget (1.6 %), and what its third of the
//! callers had reserved and Azure did not use: 67 requests of at most 326 tokens (the output, and one for each byte of the
//! request) are 2.2 % of the budget. A request that meets the limit leaves less than its own worst case behind, in each gateway.
//! Together that is less than 4 %, which is why a budget must be large beside the worst case of what is under way at once.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use gatelog_system_tests::{Answer, Call, Campaign, Gateway, GatewayWorld, Random};
use gatelog_testkit::azure::Behaviour;
use http::StatusCode;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

const GATEWAYS: usize = 3;
const CALLERS: usize = 200;
/// Tokens per tenant and day, as [`SETTINGS`] has it.
const BUDGET: u64 = 1_000_000;
const SETTINGS: &str = "[[budgets.list]]\nid = \"daily\"\nunit = \"tokens\"\nper = \"day\"\namount = \"1000000\"\n";
/// Share of the budget that Azure must have served in the end, percent.
const USABLE_PERCENT: u64 = 95;
/// Most output tokens of a request. Azure's texts are longer, so that it is also what the request uses.
const OUTPUT_TOKENS_MAX: u64 = 256;
const TEXT_BYTES: usize = 1_100;
/// Longer than a gateway repeats a refusal of the store (500 ms): a second one in a row is another answer of the store.
const REFUSAL_MEMORY: Duration = Duration::from_millis(600);
/// How often the view is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How often progress is looked at, to kill in the middle of it.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(2);
/// Rounds of the usual run.
const ROUNDS: u32 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn no_kill_lets_a_budget_be_passed_or_wasted() {
    let mut campaign = Campaign::begin(ROUNDS);
    let mut random = campaign.random();
    let behaviour = Behaviour::default().text_bytes(TEXT_BYTES).first_byte_after(Duration::from_millis(5));
    let world = Arc::new(GatewayWorld::start(behaviour, SETTINGS).await);
    let mut gateways: Vec<_> = (0..GATEWAYS).map(|index| world.gateway(&format!("spool-{index}"))).collect();
    for gateway in &mut gateways {
        gateway.start(&world, &[]).await;
    }
    let mut served = Vec::new();
    while let Some(number) = campaign.next_round() {
        let round = Round { tenant: format!("tenant-{number}"), world: Arc::clone(&world) };
        let victim = usize::try_from(random.below(3)).unwrap();
        let tokens = round.run(&mut gateways, victim, &mut random).await;
        assert!(tokens <= BUDGET, "Azure has served {tokens} tokens of {BUDGET}");
        assert!(tokens * 100 >= BUDGET * USABLE_PERCENT, "only {tokens} tokens of {BUDGET} were usable");
        served.push((round.tenant, tokens));
        gateways[victim].start(&world, &[]).await;
    }
    // Each tells what it used and gives back what it holds; those that were killed did so when they were started again.
    for gateway in &mut gateways {
        gateway.stop().await;
    }
    for (tenant, tokens) in &served {
        let Standing { used, leased, limit } = standing(&world, tenant).await.expect("the tenant has used something");
        // What the dead one's callers had reserved counts as used, so it may be more.
        assert!((*tokens..=limit).contains(&used), "{tenant}: {used} used, {tokens} served");
        assert_eq!(leased, 0, "{tenant}: nothing is lost with the dead");
    }
    let told = world.world.rows("SELECT count(*) FROM gatelog.budget_alert WHERE threshold_percent = 100").await;
    assert_eq!(told[0][0], served.len().to_string(), "each is told of as used up, once");
    let shares: Vec<_> = served.iter().map(|(_, tokens)| tokens * 1_000 / BUDGET).collect();
    campaign.report(&format!("served of the budget, in thousandths: {shares:?}"));
}

/// One tenant's day, with a kill in it.
struct Round {
    world: Arc<GatewayWorld>,
    tenant: String,
}

impl Round {
    /// Lets the callers ask until they are refused, kills the victim meanwhile, and says what Azure has served.
    async fn run(&self, gateways: &mut [Gateway], victim: usize, random: &mut Random) -> u64 {
        let addresses: Arc<[SocketAddr]> = gateways.iter().map(Gateway::address).collect();
        let is_over = Arc::new(AtomicBool::new(false));
        let watching = tokio::spawn(watch(Arc::clone(&self.world), self.tenant.clone(), Arc::clone(&is_over)));
        let mut callers = JoinSet::new();
        for index in 0..CALLERS {
            let caller = Caller {
                world: Arc::clone(&self.world),
                tenant: self.tenant.clone(),
                gateways: Arc::clone(&addresses),
                at: index % GATEWAYS,
                random: random.fork(),
            };
            callers.spawn(caller.run());
        }
        let kill_at = BUDGET / 100 * (5 + random.below(85));
        let mut victim = Some(victim);
        let mut answered = 0;
        while !callers.is_empty() {
            let tokens = self.tokens();
            assert!(tokens <= BUDGET, "Azure has served {tokens} tokens of {BUDGET}");
            if let Some(victim) = victim.take_if(|_| tokens >= kill_at) {
                gateways[victim].kill();
            }
            // A caller that panics says what it was answered.
            if let Ok(Some(caller)) = timeout(PROGRESS_INTERVAL, callers.join_next()).await {
                answered += caller.unwrap();
            }
        }
        assert_eq!(victim, None, "everybody was refused before Azure had served {kill_at} tokens");
        is_over.store(true, Ordering::Relaxed);
        let looks = watching.await.unwrap();
        assert!(looks > 5, "the view was looked at all the time, not {looks} times");
        let calls = self.world.served(&self.tenant).await;
        assert!(calls.finished >= answered, "every answer was Azure's: {calls:?}, {answered} answered");
        self.tokens()
    }

    fn tokens(&self) -> u64 {
        let counts = self.world.azure.totals().by_tenant.get(&self.tenant).copied().unwrap_or_default();
        counts.input_tokens + counts.output_tokens
    }
}

/// Asks one gateway after the other until there is nothing left for it.
struct Caller {
    world: Arc<GatewayWorld>,
    tenant: String,
    gateways: Arc<[SocketAddr]>,
    /// The one it asks; the next one if that dies.
    at: usize,
    random: Random,
}

impl Caller {
    /// Goes on until the store has refused it twice in a row; says how many answers it had.
    async fn run(mut self) -> u64 {
        let (mut answered, mut refused) = (0, 0);
        while refused < 2 {
            let call = Call::chat(&self.tenant, "how many?", 16 + self.random.below(OUTPUT_TOKENS_MAX - 15));
            let answer = self.world.call(self.gateways[self.at], &call).await;
            match answer.as_ref().map(|answer| answer.status) {
                Some(StatusCode::OK) if answer.as_ref().is_some_and(Answer::is_whole) => {
                    (answered, refused) = (answered + 1, 0);
                }
                Some(StatusCode::TOO_MANY_REQUESTS) => {
                    let answer = answer.unwrap();
                    assert_eq!(answer.header("cf-aig-source"), "rate-limit", "the gateway refuses, not Azure");
                    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 3_600, "it says when the day ends");
                    refused += 1;
                    sleep(REFUSAL_MEMORY).await;
                }
                None | Some(StatusCode::OK) => self.at = (self.at + 1) % GATEWAYS,
                Some(status) => panic!("{status}: {:?}", answer.unwrap().body),
            }
        }
        answered
    }
}

/// Looks at the view until the round is over; says how often.
async fn watch(world: Arc<GatewayWorld>, tenant: String, is_over: Arc<AtomicBool>) -> u32 {
    let mut looks = 0;
    while !is_over.load(Ordering::Relaxed) {
        if let Some(Standing { used, leased, limit }) = standing(&world, &tenant).await {
            assert!(used + leased <= limit, "{tenant}: {used} used and {leased} leased of {limit}");
            looks += 1;
        }
        sleep(LOOK_INTERVAL).await;
    }
    looks
}

/// A row of `budget_status`.
struct Standing {
    used: u64,
    leased: u64,
    limit: u64,
}

async fn standing(world: &GatewayWorld, tenant: &str) -> Option<Standing> {
    let rows = world
        .world
        .rows(&format!(
            "SELECT used_tokens, leased_amount, limit_tokens FROM gatelog.budget_status WHERE tenant_id = '{tenant}'"
        ))
        .await;
    let numbers: Vec<u64> = rows.first()?.iter().map(|text| text.parse().unwrap()).collect();
    let &[used, leased, limit] = &numbers[..] else { panic!("three columns: {rows:?}") };
    Some(Standing { used, leased, limit })
}
