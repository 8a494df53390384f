// Types of the values that the modules exchange; for `tsc --checkJs` alone, no browser loads this.
// Keys of the API's JSON are written as the API has them.

declare global {
  /** Of the HTML standard, not yet in TypeScript's library. */
  class CloseWatcher {
    onclose: (() => void) | null;
    requestClose(): void;
    destroy(): void;
  }
}

/** A token: its id in the vocabulary, -1 where it is in none, and the text that it stands for.
 * bytes: of one that holds a part of a character. part: of a typed text, what of it the token shows,
 * where that is something else than its text; see playback/tokens.js. */
export interface Token {
  id: number;
  text: string;
  bytes?: number[];
  part?: string;
}

/** A token of a text as the API has it; start, end: its place, in code points. */
export interface PlacedToken extends Token {
  start: number;
  end: number;
}

export interface TokenizeRequest {
  session_id: string;
  text: string;
}

export interface TokenizeResponse {
  tokens: PlacedToken[];
}

export interface Candidate extends Token {
  prob: number;
}

/** A model at a training step, by whom a token was written. params: with which settings, where they are
 * known. */
export interface Author {
  session_id: string;
  name: string;
  step: number | null;
  params?: SamplingParams;
}

/** How a token is picked, as the API is asked for it; see playback/sampling.js. */
export interface SamplingParams {
  temperature: number;
  top_k?: number;
  top_p?: number;
  seed?: number;
}

/** Tokens that are not listed as candidates, together. */
export interface Rest {
  count: number;
  prob: number;
}

/** The distribution at a position of the text, and the token picked from it.
 * prob, other: null where only the token is known (restored from a link).
 * kept, keptProb: tokens that top-k and top-p leave, and their total probability.
 * insteadOf: the pick that the token was chosen over; null: not known which; absent: it is the pick.
 * by: the model that wrote it, where it is known.
 * knownProb: what prob was, where only the token is known. */
export interface Step extends Token {
  position: number;
  prob: number | null;
  candidates: Candidate[];
  other: Rest | null;
  kept?: number;
  keptProb?: number;
  insteadOf?: string | null;
  by?: Author;
  knownProb?: number | null;
}

export interface Trace {
  prompt: Token[];
  tokenizer: string | null;
  text: string;
  steps: Step[];
  ahead: Step[];
  stale: Step | null;
  branches: Branches;
}

/** See playback/branches.js. prob: the probability that it had; null where it was typed, or isn't known.
 * by: the model that wrote it, where it is known. */
export interface BranchToken extends Token {
  prob: number | null;
  isChosen: boolean;
  by?: Author;
}

export interface Branch {
  id: number;
  parent: number | null;
  at: number;
  typed: number;
  tokens: BranchToken[];
  name: string;
  isPinned: boolean;
}

export interface Branches {
  list: Branch[];
  nextId: number;
}

/** See playback/history.js. */
export interface History {
  past: Trace[];
  future: Trace[];
  kind: string;
}

/** A text with its history. */
export interface TextState {
  trace: Trace;
  history: History;
}

export type Completion = "max" | "end" | null;

export interface Checkpoint {
  step: number;
  tokens: number;
  val_loss: number | null;
  train_loss: number | null;
}

/** A session as /api/sessions lists it; numbers are null while it has no model. */
export interface Session {
  session_id: string;
  source: "bundled" | "hub" | "live";
  name: string;
  repo_id: string | null;
  commit: string | null;
  revision: string | null;
  cached: boolean;
  tokenizer: "characters" | "tokens";
  characters_per_token: number | null;
  params: number | null;
  dtype: "float32" | "bfloat16" | "int8" | null;
  step: number | null;
  steps: number[];
  checkpoints: Checkpoint[];
  val_loss: number | null;
  vocab_size: number | null;
  corpus: string;
  description: string;
  block_size: number | null;
  prompt: string;
  sampling: { temperature: number; top_k: number; top_p: number } | null;
  end_tokens: string[];
  start_token: string | null;
}

/** vocabulary: the characters that it knows; empty where its tokens are pieces of words. */
export interface SessionDetails extends Session {
  vocabulary: string[];
}

/** A session that has a model. */
export type Trained<S extends Session> = S & { params: number; step: number; vocab_size: number; block_size: number };

/** A session with the id of each token of its vocabulary. */
export interface PlayableSession extends SessionDetails {
  known: Map<string, number>;
}

export interface Sampling {
  pick: "top" | "sample";
  temperature: number;
  top_k: number;
  top_p: number;
  seed: number | null;
}

/** What the panels of Explore share.
 * share: opens the link to a text, by default that on screen. getSessions: those that the Library lists.
 * openText: shows a text with its model and its settings. setSetting: speed or sampling, in the drawer
 * as well. */
export interface ExploreContext {
  player: import("./playback/player.js").Player;
  share(trace?: Trace): void;
  close(): void;
  getSessions(): Session[];
  openText(text: import("./sharing/snapshots.js").OpenedText): Promise<void>;
  onError(error: unknown): void;
  setSetting(name: import("./playback/settings.js").SettingName, value: unknown): void;
}

/** A panel of Explore. open: it is shown, with the state that a link holds, "" without one; close: it is
 * hidden, or the dialog is. draw: at every change of the player while it is shown. focus: where the
 * focus goes when the dialog opens; the tab by default. state: for a link and a reload, [\w.,~-]*.
 * moment: for a reload in place of it. */
export interface ExplorePanel {
  open(state: string): void;
  draw(player: import("./playback/player.js").Player): void;
  close?(): void;
  focus?(): void;
  readonly state?: string;
  readonly moment?: string;
}

/** Why playback stopped, or waits. retry: asking again may help. locks: nothing can be played until
 * it is gone. waits: it goes on by itself. isLost: the server is away, or has too much to do.
 * isGone: there is no model any more.
 * tone: "" for what is normal. */
export interface Notice {
  text: string;
  remedy?: string;
  retry?: boolean;
  locks?: boolean;
  waits?: boolean;
  isLost?: boolean;
  isGone?: boolean;
  tone?: "" | "warning";
}

export type PlayerStatus =
  | "loading" | "no-model" | "no-input" | "unknown" | "max" | "end" | "playing" | "paused";

/** What of a player the announcements are derived from. */
export interface PlayerState {
  trace: Trace;
  playing: boolean;
  intervalMs: number;
}

export interface View {
  draw(player: import("./playback/player.js").Player): void;
}

export interface GenerateRequest {
  session_id: string;
  step: number | null;
  context: string;
  context_ids?: number[];
  position: number;
  n: number;
  temperature: number;
  top_k?: number;
  top_p?: number;
  seed?: number;
  intervals?: boolean;
}

/** A step as the API has it. u: the number drawn, null at temperature 0; low, high: the interval of a
 * token, null for one that is left out, absent unless `intervals` was asked for. token_id: where tokens
 * are pieces of words. */
export interface ApiStep {
  position: number;
  token: string;
  token_id?: number;
  bytes?: number[];
  prob: number;
  candidates: { token: string; token_id?: number; bytes?: number[]; prob: number; low?: number | null; high?: number | null }[];
  other: Rest;
  kept: number;
  kept_prob: number;
  u: number | null;
  low: number;
  high: number;
}

export interface GenerateResponse {
  step: number;
  context_used: string;
  steps: ApiStep[];
}

/** draws: indices in `tokens`, in the order of the seeds. */
export interface DrawsResponse {
  tokens: { token: string; count: number; prob: number }[];
  draws: number[];
  seed: number;
}

export interface BeamsRequest {
  session_id: string;
  step: number | null;
  context: string;
  context_ids?: number[];
  width: number;
  n: number;
}

/** logprob: of the whole continuation, the natural logarithm; parent: index in the depth before. */
export interface BeamsResponse {
  beams: { text: string; logprob: number }[];
  depths: { parent: number; token: string; token_id?: number; bytes?: number[]; logprob: number }[][];
}

export interface ScoreRequest {
  session_id: string;
  step: number | null;
  text: string;
  text_ids?: number[];
}

export interface ScoreResponse {
  tokens: { position: number; token: string; token_id?: number; bytes?: number[]; logprob: number | null; rank: number | null; candidates: { token: string; prob: number }[]; other: Rest | null }[];
  scored: number;
  total_bits: number | null;
  bits_per_character: number | null;
  context_min: number;
  sliding_val_loss: number | null;
}

export interface RoundRequest {
  session_id: string;
  seed: number;
}

/** A token to guess; natural logarithms of its probability, null where they aren't known. */
export interface RoundToken {
  token: string;
  token_id?: number;
  unigram: number | null;
  bigram: number | null;
}

export interface RoundResponse {
  source: "text" | "model";
  context: string;
  tokens: RoundToken[];
}

export interface CorpusRequest {
  session_id: string;
  context: string;
  context_ids?: number[];
  k?: number;
}

/** What stands in the text that a model learned from; null, 0 and empty where that isn't known. */
export interface CorpusResponse {
  available: boolean;
  reason: string | null;
  characters: number | null;
  context_used: string;
  k: number;
  count: number;
  counts: number[];
  next: { token: string; token_id?: number; count: number; share: number }[];
  places: { position: number; before: string; next: string; after: string }[];
}

export interface CompareContextsRequest {
  session_id: string;
  step: number | null;
  temperature: number;
  context: string;
  context_ids?: number[];
  others: string[];
  token?: string;
  token_id?: number;
}

/** What follows another context; before: what the probability is after the context itself. */
export interface OtherContext {
  kl: number | null;
  prob: number;
  candidates: { token: string; prob: number; before: number }[];
  other: { count: number; prob: number; before: number };
}

export interface CompareContextsResponse {
  prob: number;
  others: OtherContext[];
  tokens: { position: number; token: string; logprob: number | null; candidates: { token: string; prob: number }[]; other: Rest | null }[];
}

/** A side of a comparison. */
export interface LaneSide {
  session_id: string;
  step: number | null;
  temperature: number;
}

export interface CompareRequest extends LaneSide {
  other: LaneSide;
  context: string;
  context_ids?: number[];
  positions: number;
}

/** kl: in bits; null where it is infinite. */
export interface CompareResponse {
  divergences: { position: number; kl: number | null; kl_reverse: number | null }[];
}

/** What a link holds: as much of the page's state as can be brought to another page. */
export interface Snapshot {
  prompt: string;
  model?: string;
  revision?: string | null;
  step?: number | null;
  sampling: Sampling;
  intervalMs?: number;
  tab?: string;
  drawer?: string;
  explore?: string;
  written: string[];
  chosen: number[];
  ids?: number[];
  name?: string;
}

/** A snapshot as a link was read: whatever the link leaves out is undefined. */
export type PartialSnapshot = Omit<Snapshot, "prompt" | "sampling"> & {
  prompt?: string;
  sampling: Partial<Sampling>;
};

export interface Problem {
  key: string;
  params: Record<string, string | number>;
}

export interface Goal {
  what: "tokens" | "choices" | "steps";
  count: number;
}

export interface Course {
  hide: string[];
  task: string;
  done: Goal | null;
  embed: boolean;
}

export interface Progress {
  tokens: number;
  choices: number;
  steps: number;
}

/** The state of a page that a task's progress is derived from. */
export interface TaskState {
  session_id: string | undefined;
  step: number | null;
  written: number;
  chosen: number;
}

/** An event for the page around, as README lists them. */
export type PlaygroundEvent =
  | { type: "ready" }
  | { type: "step"; position: number; token: string; length: number }
  | { type: "choice"; position: number; token: string; instead_of: string | null }
  | { type: "done"; reason: string };

/** The detail of a `playground` DOM event. */
export interface ActionDetail {
  action: string;
  value?: any;
  source?: HTMLElement;
  tab?: string;
  session_id?: string | null;
  name?: string;
  step?: number;
  steps?: number[];
  newest?: boolean;
  ended?: "stopped" | "gone";
  position?: number;
  session?: Session;
}

export interface Lesson {
  name: string;
  title: string;
  link: string;
  html: string;
  done: string | null;
}

export interface Load {
  load_id: string;
  state: "loading" | "done" | "cancelled" | "failed";
  bytes: number;
  total_bytes: number | null;
  error: string;
  session: Session;
}

export interface PublishedModel {
  repo_id: string;
  likes: number;
  downloads: number;
  params: number | null;
  last_modified: string | null;
}

export interface Baselines {
  uniform: number;
  letters: number;
  pairs: number;
}

export interface Answer {
  question: string;
  answer: string;
  said: string;
}

export interface Evaluation {
  step: number;
  val_loss: number;
  prompt: string;
  sampled: string;
  accuracy: number | null;
  answers: Answer[];
}

export interface Update {
  step: number;
  loss: number;
  learning_rate: number;
}

export interface TrainingSummary {
  session_id: string;
  name: string;
  kept: boolean;
  state: string;
  note: string | null;
  step: number;
  steps: number;
  ready: boolean;
}

/** Two tokens that became one, and how often they stood side by side then. */
export interface Merge {
  left: string;
  right: string;
  count: number;
}

/** merges: their number, once they are learned. */
export interface TrainingStatus extends TrainingSummary {
  tokenizer: string | null;
  merges: number;
  whole: boolean;
  losses: Update[];
  evaluations: Evaluation[];
  checkpoints: number[];
  landmarks: Baselines | null;
  corpus: string | null;
  preset: string | null;
  params: number | null;
  block_size: number | null;
  seed: number | null;
  position: number;
  estimate_seconds: number | null;
  seconds_left: number | null;
  steps_per_second: number | null;
  speed: number | null;
  tokens: number;
  learning_rate: number | null;
  can_resume: boolean;
}

export interface Bounds {
  low: number;
  high: number;
}

export interface Corpus {
  name: string;
  title: string;
  description: string;
}

export interface Preset extends Corpus {
  optimizer: string;
  params: number;
  learning_rate_bounds: Bounds;
  [field: string]: any;
}

export interface TrainingOffer {
  corpora: Corpus[];
  tokenizers: Corpus[];
  presets: Preset[];
  bounds: Record<string, Bounds>;
}

export interface Range extends Bounds {
  step: number;
  default: number;
}

/** GET /page/config.json; each value's home is named in playground/page/config.py. */
export interface Config {
  controls: { speed: Range; temperature: Range; top_k: Range; top_p: Range; pick: { choices: Sampling["pick"][]; default: Sampling["pick"] } };
  generation: { tokens_max: number; candidates: number; write_tokens: number; chunk: Bounds & { duration_ms: number; short_duration_ms: number; first: number; reserve: Bounds } };
  requests: { timeout_ms: number; answer_margin_ms: number; retry_ms: number; probe_timeout_ms: number; hub_timeout_ms: number; upload_timeout_ms: number };
  link: { versions: number[]; length_max: number; prompt_max: number; revision_max: number; seed_max: number; tabs: string[] };
  course: { controls: string[]; task_max: number; count_max: number; goals: Record<string, number> };
  explore: { panels: string[]; state_max: number };
  tokenizers: { text_max: number; references: { id: string; name: string; vocab_size: number }[] };
  score: { text_max: number };
  sampling: { draws: number[]; length: Range; width: Range };
  corpus: { lookup_max: number; backoff_max: number };
  contexts: { others_max: number };
  library: { first_session: string };
  hub: { poll_ms: number; failed_polls_max: number; search_max: number; models_shown_max: number };
  qr_bytes_max: number;
  text_file: { format: { format: string; version: number }; bytes_max: number; field_max: number };
  training: {
    default_corpus: string;
    default_preset: string;
    default_tokenizer: string;
    speeds: (number | null)[];
    name_max: number;
    active_states: string[];
    ended_states: string[];
    milestones: number[];
    model_fields: string[];
    poll_ms: { first: number; active: number; idle: number; ended: number; hidden: number; unseen_max: number };
    merges_ms: number;
  };
}
