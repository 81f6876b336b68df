//! Images of a request: checked, fetched where that is allowed, and written so that codex passes them on untouched.
//!
//! codex takes data URLs alone, and of these it turns what it can't read into a text without a word. So every image is
//! read here first, as a whole, with the decoder that codex has. Promises that codex passes on the very bytes of what
//! [`Images::load`] gives, but for what [`Note`]s say and for a GIF, which becomes a PNG of the same pixels. Promises
//! bounds on bytes, pixels, number and time. Never logs a URL, and never looks at a request beyond the sources that it
//! is given.

mod address;
mod blocking;
mod data_url;
mod fetch;
mod inspect;
mod problem;
mod resolve;
mod target;

pub use self::{resolve::Lookup, target::AllowedHost};

use self::{
    blocking::Blocking, fetch::Fetcher, inspect::Header, problem::Problem, resolve::Resolver, target::Target,
};
use crate::error::ApiError;
use futures_util::{StreamExt, TryStreamExt, stream};
use shared::shutdown::Shutdown;
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// Images of one request that are worked on at once.
const AT_ONCE: usize = 4;
/// What decoders take beside the pixels: the coefficients of a progressive JPEG are the most, twice as much.
const OVERHEAD: u64 = 3;

/// How images are taken.
#[derive(Debug, Clone)]
pub struct ImageConfig {
    /// `PROXY_IMAGE_URLS`: whether https URLs are fetched.
    pub urls: bool,
    /// `PROXY_IMAGE_HOSTS`: what may be fetched from although it is not on the internet.
    pub hosts: Vec<AllowedHost>,
    /// `PROXY_IMAGE_MAX_BYTES`: bytes of one image.
    pub max_bytes: usize,
    /// `PROXY_IMAGE_MAX_COUNT`: images of one request.
    pub max_count: usize,
    /// `PROXY_IMAGE_TIMEOUT_MS`: the time to fetch the images of a request, all together.
    pub timeout: Duration,
    /// `PROXY_IMAGE_CA_BUNDLE`: PEM file of the certificates to trust instead of the system's.
    pub ca_bundle: Option<PathBuf>,
    /// `PROXY_MAX_BODY_BYTES`: what the fetched images of a request may come to as data URLs; a client that sends them
    /// itself can't send more.
    pub max_fetched: usize,
    /// `PROXY_THREADS`: images that are decoded at once.
    pub threads: usize,
}

/// Why images can't be taken; found when the program starts.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// The file of certificates can't be used.
    #[error("PROXY_IMAGE_CA_BUNDLE: can't read certificates from {path}: {message}")]
    Bundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The system has no certificates.
    #[error("PROXY_IMAGE_URLS is on, and the system has no CA certificates: set PROXY_IMAGE_CA_BUNDLE")]
    NoCertificates,
    /// TLS can't be set up.
    #[error("can't set up TLS: {0}")]
    Tls(rustls::Error),
}

/// An image as a request names it.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// A data URL, or an https URL.
    pub url: &'a str,
    /// Where in the request it is, such as `messages[1].content[0].image_url.url`; errors name it.
    pub path: String,
}

/// An image that codex passes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// A data URL.
    pub url: String,
    /// What the model sees otherwise than it was sent; in the order of [`Note`], each once.
    pub notes: Vec<Note>,
}

/// What becomes of an image on its way to the model. The caller reports it in `x-codex-repairs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Note {
    /// codex scales it down.
    Scaled,
    /// It is animated, and the model sees its first picture.
    FirstFrame,
}

impl Note {
    /// The name in the header; stable.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scaled => "image_scaled",
            Self::FirstFrame => "image_first_frame",
        }
    }
}

/// Takes the images of requests; cheap to clone.
#[derive(Clone)]
pub struct Images(Arc<Inner>);

struct Inner {
    config: ImageConfig,
    blocking: Blocking,
    /// `None` while URLs are not fetched.
    fetcher: Option<Fetcher>,
}

/// Where an image's bytes are.
enum Origin<'a> {
    Inline(&'a str),
    Remote(Target),
}

/// One image of a request, however often it is there.
struct Distinct<'a> {
    origin: Origin<'a>,
    path: &'a str,
    times: usize,
}

/// An image whose header is good.
struct Opened {
    url: String,
    bytes: Vec<u8>,
    header: Header,
}

impl Images {
    /// With the system's name service.
    ///
    /// # Errors
    /// URLs are to be fetched and there are no certificates to trust.
    pub fn new(config: ImageConfig, shutdown: &Shutdown) -> Result<Self, ImagesError> {
        Self::with_lookup(config, shutdown, resolve::system())
    }

    /// With another name service. What it gives is checked as the system's is.
    ///
    /// # Errors
    /// The same.
    pub fn with_lookup(
        config: ImageConfig,
        shutdown: &Shutdown,
        lookup: Lookup,
    ) -> Result<Self, ImagesError> {
        let fetcher = if config.urls {
            let resolver = Resolver::new(lookup, shutdown.clone());
            let bundle = config.ca_bundle.as_deref();
            Some(Fetcher::new(config.hosts.clone(), resolver, bundle, config.max_bytes)?)
        } else {
            None
        };
        let blocking = Blocking::new(config.threads, shutdown.clone());
        Ok(Self(Arc::new(Inner { config, blocking, fetcher })))
    }

    /// Checks the images of a request and fetches those that are elsewhere. The answers are in the order of the
    /// sources. One image that is there several times is looked at once. All URLs are checked before the first is
    /// fetched.
    ///
    /// Fetching ends by `PROXY_IMAGE_TIMEOUT_MS`; waiting for room to decode has no bound of its own, the request's
    /// deadline is the caller's. Cancel safe: connections are closed, a decoding that has begun ends by itself.
    ///
    /// # Errors
    /// 400 with the path of the first image that can't be taken, the message saying what would be right.
    pub async fn load(&self, sources: &[Source<'_>]) -> Result<Vec<Loaded>, ApiError> {
        let Inner { config, .. } = &*self.0;
        if let Some(beyond) = sources.get(config.max_count) {
            let message =
                format!("A request may have {} images. PROXY_IMAGE_MAX_COUNT sets this.", config.max_count);
            return Err(ApiError::invalid(beyond.path.as_str(), message));
        }
        let (distinct, places) = self.0.distinct(sources)?;
        let deadline = Instant::now() + config.timeout;
        let fetched = AtomicUsize::new(0);
        // Collected first: each future borrows, and a closure that makes them inside the stream would have to do so
        // for every lifetime.
        let work: Vec<_> = distinct.into_iter().map(|one| self.0.load(one, deadline, &fetched)).collect();
        let loaded: Vec<Loaded> = stream::iter(work).buffered(AT_ONCE).try_collect().await?;
        let mut left: Vec<usize> = vec![0; loaded.len()];
        places.iter().for_each(|place| left[*place] += 1);
        let mut loaded: Vec<Option<Loaded>> = loaded.into_iter().map(Some).collect();
        let take = |place: &usize| {
            left[*place] -= 1;
            if left[*place] == 0 { loaded[*place].take() } else { loaded[*place].clone() }
        };
        Ok(places.iter().filter_map(take).collect())
    }
}

impl Inner {
    /// The different images among the sources, and for each source which one it is.
    fn distinct<'a>(&self, sources: &'a [Source<'_>]) -> Result<(Vec<Distinct<'a>>, Vec<usize>), ApiError> {
        let mut known: HashMap<&str, usize> = HashMap::with_capacity(sources.len());
        let mut distinct: Vec<Distinct<'a>> = Vec::new();
        let mut places = Vec::with_capacity(sources.len());
        for source in sources {
            let place = match known.get(source.url) {
                Some(place) => *place,
                None => {
                    let origin = self.origin(source.url).map_err(|problem| problem.at(&source.path))?;
                    distinct.push(Distinct { origin, path: &source.path, times: 0 });
                    known.insert(source.url, distinct.len() - 1);
                    distinct.len() - 1
                }
            };
            distinct[place].times += 1;
            places.push(place);
        }
        Ok((distinct, places))
    }

    fn origin<'a>(&self, url: &'a str) -> Result<Origin<'a>, Problem> {
        if data_url::is(url) {
            return Ok(Origin::Inline(url));
        }
        match (Target::parse(url, self.fetcher.as_ref().map_or(&[], Fetcher::hosts)), &self.fetcher) {
            (Err(Problem::NoUrl), _) => Err(Problem::NoUrl),
            (_, None) => Err(Problem::FetchingIsOff),
            (target, Some(_)) => target.map(Origin::Remote),
        }
    }

    async fn load(
        &self,
        one: Distinct<'_>,
        deadline: Instant,
        fetched: &AtomicUsize,
    ) -> Result<Loaded, ApiError> {
        let opened = match one.origin {
            Origin::Inline(url) => self.open(url).await,
            Origin::Remote(target) => self.fetch(target, one.times, deadline, fetched).await,
        };
        let check = async { self.check(opened?).await };
        check.await.map_err(|problem| problem.at(one.path))
    }

    async fn open(&self, url: &str) -> Result<Opened, Problem> {
        let (url, max) = (url.to_owned(), self.config.max_bytes);
        let memory = url.len() as u64;
        let open = move || {
            let read = data_url::read(&url, max)?;
            let header = inspect::header(&read.bytes)?;
            let canonical = read.canonical(header.format);
            let bytes = read.bytes;
            Ok(Opened { url: canonical.unwrap_or(url), bytes, header })
        };
        self.blocking.run(memory, open).await?
    }

    async fn fetch(
        &self,
        target: Target,
        times: usize,
        deadline: Instant,
        fetched: &AtomicUsize,
    ) -> Result<Opened, Problem> {
        let fetcher = self.fetcher.as_ref().ok_or(Problem::FetchingIsOff)?;
        let bytes = fetcher.fetch(target, deadline).await?;
        let (max, more) = (self.config.max_fetched, bytes.len().div_ceil(3) * 4 * times);
        if fetched.fetch_add(more, Ordering::Relaxed) + more > max {
            return Err(Problem::TooManyFetched { max });
        }
        let open = move || {
            let header = inspect::header(&bytes)?;
            Ok(Opened { url: data_url::write(header.format, &bytes), bytes, header })
        };
        self.blocking.run(more as u64, open).await?
    }

    async fn check(&self, Opened { url, bytes, header }: Opened) -> Result<Loaded, Problem> {
        let check = move || {
            inspect::decode(&bytes, &header)?;
            let mut notes = Vec::new();
            if header.is_scaled() {
                notes.push(Note::Scaled);
            }
            if inspect::is_animated_gif(&bytes, &header) {
                notes.push(Note::FirstFrame);
            }
            Ok(notes)
        };
        let notes = self.blocking.run(header.decoded * OVERHEAD, check).await??;
        Ok(Loaded { url, notes })
    }
}
