// The shapes that the studio's API sends. Amounts are whole sat, times RFC 3339 in UTC.

export interface Tier {
  tier: "rent" | "own";
  sat: number;
  hours?: number | null;
}

export interface StudioTitle {
  id: string;
  name: string;
  description: string;
  year: number | null;
  tags: string[];
  /** Null: the site's own. Empty: free. */
  tiers: Tier[] | null;
  preview_s: number;
  state: "processing" | "published" | "hidden" | "live" | "scheduled";
  duration_s: number | null;
  width: number | null;
  height: number | null;
  created_at: string;
  poster: string | null;
  file_name: string | null;
  sales: number;
  received_sat: number;
  tips_sat: number;
  owned: number;
  running: number;
  etag: string;
}

/** What shows a title, and could. */
export interface Pictures {
  poster: string | null;
  choices: { number: number; picture: string; shown: boolean }[];
  /** The poster is none of the choices. */
  own: boolean;
  /** All of the film in small pictures. */
  sheets: string[];
  hover: string | null;
  waveform: string | null;
  /** Another was asked for, and comes when the transcoder runs. */
  waiting: boolean;
  etag: string;
}

/** What the transcoder tells of a film that it makes. */
export interface Job {
  id: string;
  name: string;
  state: string;
  file_name?: string | null;
  percent?: number;
  speed?: number;
  remaining_s?: number | null;
  fault?: string | null;
  stage?: "reading" | "looking" | "making" | null;
  outputs?: string[];
  /** Why it does not go on. */
  detail?: string | null;
  /** Why the last change was not made. */
  answer?: string | null;
  updated_at?: string;
}

export interface Sale {
  number: number;
  settled_at: string;
  title: string | null;
  tag: string | null;
  name: string | null;
  tier: string;
  hours: number | null;
  received_sat: number;
  fresh?: boolean;
}

export interface Tip {
  number: number;
  at: string;
  title: string | null;
  name: string | null;
  /** On whose page it was left. */
  channel: string | null;
  hidden: boolean;
  amount_sat: number;
  message: string;
  fresh?: boolean;
}

export interface Day {
  date: string;
  sales: number;
  received_sat: number;
  tips: number;
  tips_sat: number;
}

export interface SalesReport {
  sales: Sale[];
  tips: Tip[];
  days: Day[];
}

export interface Today {
  today: Day;
  yesterday: Day;
  waiting_viewers: number;
  node: {
    backend: "lnd" | "btcpay" | "wallet";
    up: boolean;
    fault: string | null;
    inbound_sat: number | null;
    dearest_sat: number | null;
    too_little_inbound: boolean;
    reconciled: boolean;
  };
  disk: { free_bytes: number; total_bytes: number } | null;
  version: string;
}

/** An upload as the server knows it. */
export interface Upload {
  id: string;
  name: string;
  length: number;
  offset: number;
  state: "receiving" | "done" | "known";
  title: string | null;
  expires_at: string;
}

/** A film on its way from this browser. */
export interface Transfer {
  key: string;
  name: string;
  bytes: number;
  sent: number;
  /** Bytes in a second; 0: not known yet. */
  speed: number;
  state: "sending" | "waiting" | "paused" | "done" | "known" | "failed";
  /** What went wrong, in words. */
  fault: string | null;
  /** Once it is whole. */
  title: string | null;
}

export interface StudioState {
  /** Has everything been read at least once? */
  ready: boolean;
  /** The server does not answer. */
  away: boolean;
  /** The session has ended. */
  closed: boolean;
  titles: StudioTitle[];
  faults: { id: string; line: number | null; what: string }[];
  usualTiers: Tier[];
  jobs: Job[];
  sales: Sale[];
  tips: Tip[];
  days: Day[];
  today: Today | null;
  /** Jobs that were put away in this browser: what never became a film stays on the server. */
  hidden: string[];
  uploads: Upload[];
  transfers: Transfer[];
}

/** What the ingest doctor says. */
export interface Uplink {
  kbit_s: number;
  /** In a thousand seconds. */
  frames_ks: number;
  keyframes_apart_ms: number;
  dropped_frames: number;
  late_frames: number;
  drift_ms: number;
  jitter_ms: number;
  /** One sentence a fault, worst first. */
  says: string[];
}

export interface StudioChannel {
  id: string;
  url: string;
  name: string;
  description: string;
  tiers: Tier[] | null;
  passes: { sat: number; hours?: number | null }[];
  preview_s: number;
  starts_at: string | null;
  record: boolean;
  publish: boolean;
  tips_on_page: boolean;
  goal: { sat: number; words: string; since: string } | null;
  /** Whether there is an overlay; its address is shown once. */
  overlay: boolean;
  broadcast: {
    id: string;
    standing: "live" | "away" | "ended";
    started_at: string;
    viewers: number;
    unrecorded: string | null;
    health: Uplink | null;
  } | null;
}

/** Shown once. */
export interface StreamKey {
  id: string;
  key: string;
  server_url: string;
  publish_url: string;
}
