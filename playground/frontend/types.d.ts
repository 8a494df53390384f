// Types of the values that the modules exchange; for `tsc --checkJs` alone, no browser loads this.
// Keys of the API's JSON are written as the API has them.

/** A token: its id in the vocabulary, -1 where it is in none, and the text that it stands for. */
export interface Token {
  id: number;
  text: string;
}

export interface Candidate extends Token {
  prob: number;
}

/** A model at a training step, by whom a token was written. */
export interface Author {
  session_id: string;
  name: string;
  step: number | null;
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
 * by: the model that wrote it, where it is known. */
export interface Step extends Token {
  position: number;
  prob: number | null;
  candidates: Candidate[];
  other: Rest | null;
  kept?: number;
  keptProb?: number;
  insteadOf?: string | null;
  by?: Author;
}

export interface Trace {
  prompt: string[];
  text: string;
  steps: Step[];
  ahead: Step[];
  stale: Step | null;
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

/** A session as /api/sessions lists it; vocabulary and what follows only in its details. */
export interface Session {
  session_id: string;
  source: "bundled" | "hub" | "live";
  name: string;
  repo_id: string | null;
  commit: string | null;
  revision: string | null;
  cached: boolean;
  params: number | null;
  step: number;
  steps: number[];
  checkpoints: Checkpoint[];
  val_loss: number | null;
  vocab_size: number;
  corpus: string | null;
  description: string | null;
  block_size: number;
  vocabulary: string[];
  prompt: string | null;
  sampling: { temperature: number; top_k: number; top_p: number } | null;
  end_token: string | null;
}

/** A session with the id of each token of its vocabulary. */
export interface PlayableSession extends Session {
  known: Map<string, number>;
}

export interface Sampling {
  pick: "top" | "sample";
  temperature: number;
  top_k: number;
  top_p: number;
  seed: number | null;
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
  position: number;
  n: number;
  temperature: number;
  top_k?: number;
  top_p?: number;
  seed?: number;
}

/** A step as the API has it. */
export interface ApiStep {
  position: number;
  token: string;
  prob: number;
  candidates: { token: string; prob: number }[];
  other: Rest;
  kept: number;
  kept_prob: number;
}

export interface GenerateResponse {
  step: number;
  steps: ApiStep[];
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
  written: string[];
  chosen: number[];
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

export interface Landmarks {
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

export interface TrainingStatus extends TrainingSummary {
  whole: boolean;
  losses: Update[];
  evaluations: Evaluation[];
  checkpoints: number[];
  landmarks: Landmarks | null;
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
  generation: { tokens_max: number; candidates: number; chunk: Bounds & { duration_ms: number } };
  requests: { timeout_ms: number; retry_ms: number; probe_timeout_ms: number; hub_timeout_ms: number; upload_timeout_ms: number };
  link: { version: number; prompt_max: number; revision_max: number; seed_max: number; tabs: string[] };
  course: { controls: string[]; task_max: number; count_max: number; goals: Record<string, number> };
  library: { first_session: string };
  hub: { poll_ms: number; failed_polls_max: number; search_max: number; models_shown_max: number };
  qr_bytes_max: number;
  training: {
    default_corpus: string;
    default_preset: string;
    speeds: (number | null)[];
    name_max: number;
    active_states: string[];
    ended_states: string[];
    milestones: number[];
    model_fields: string[];
    poll_ms: { first: number; active: number; idle: number; ended: number; hidden: number; unseen_max: number };
  };
}
