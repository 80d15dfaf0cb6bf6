// The shapes that the server sends. Amounts are whole sat, times RFC 3339 in UTC.

export interface Offer {
  /** What it is ordered by. */
  id: string;
  tier: string;
  sat: number;
  hours: number | null;
  /** The tag of a collection. */
  tag: string | null;
  /** What the purchase will open. */
  scope: string;
  label: string;
}

export interface Title {
  id: string;
  name: string;
  description: string;
  year: number | null;
  tags: string[];
  tiers: Offer[];
  free: boolean;
  preview_s: number;
  duration_s: number | null;
  width: number | null;
  height: number | null;
  poster: string | null;
  hover: string | null;
  waveform: string | null;
  chapters: boolean;
  storyboard: boolean;
  state: string;
  tips_sat: number;
  url: string;
  /** What opens it. */
  scopes: string[];
}

/** What a page sells: a title, or a channel while nothing is on air. */
export type Sold = Pick<Title, "id" | "name" | "tiers" | "free" | "scopes"> & {
  /** The channel's name, where it is one. */
  channel?: string;
  words?: { buy: string; paid: string };
};

export interface Channel {
  id: string;
  name: string;
  description: string;
  state: "live" | "away" | "scheduled" | "offline";
  starts_at: string | null;
  /** What is on air. */
  title: Title | null;
  url: string;
  /** What is sold while nothing is on air. */
  passes: Offer[];
  recordings: Title[];
  now: string;
}

export interface Site {
  name: string;
  url: string | null;
  demo: boolean;
  /** Where wallets send tips by themselves. */
  lightning_address: string | null;
}

export interface Order {
  order: string;
  /** Absent for tips. */
  ticket?: string;
  tier: string;
  amount_sat: number;
  payment_request: string;
  payment_hash: string;
  expires_at: string;
  onchain: string | null;
  /** What a wallet opens: one way, or both in one. Orders kept from before lack it. */
  pay_uri?: string;
  demo_wallet?: string | null;
}

/** An order that this browser made and that has not become access yet. */
export interface Pending extends Order {
  title: string;
  label: string;
  /** Is the panel to be shown again after a reload? */
  shown: boolean;
}

export interface OrderState {
  state: "open" | "underpaid" | "confirming" | "settled" | "expired";
  received_sat: number;
  amount_sat: number;
}

export interface Access {
  token: string;
  scope: string;
  tier: string;
  expires_at: string | null;
  /** What outages have added to that, in seconds. */
  credit_s: number;
  subject: string;
  title: { id: string; name: string } | null;
  /** The tag of a collection, while it is sold. */
  tag: string | null;
}

export interface Grant {
  grant: string;
  master_url: string;
  expires_at: string;
  session: string;
  full: boolean;
  preview_s: number | null;
  /** When what was shown ends; null: never, or nothing was shown. */
  ends_at: string | null;
  /** What outages have added to that, in seconds. */
  credit_s: number;
  now: string;
}

export interface Purchase {
  token: string;
  scope: string;
  tier: string;
  expires_at: string | null;
  /** What outages have added to that, in seconds. */
  credit_s: number;
  subject: string;
  state: "valid" | "expired";
  tag: string | null;
  title: { id: string; name: string; poster: string | null; duration_s: number | null } | null;
}

export interface Purchases {
  purchases: Purchase[];
  rejected: { index: number; reason: string; retired: boolean; token?: string }[];
  now: string;
}

/** What the store of one sale knows; see sale/store.js. */
export type SaleState =
  | { name: "idle" }
  | { name: "choosing"; why: "preview-over" | "ran-out" | "asked" }
  | { name: "ordering"; offer: Offer }
  | {
      name: "awaitingPayment";
      offer: Offer;
      order: Pending;
      received_sat: number;
      /** Seen on chain in full. */
      confirming: boolean;
    }
  | { name: "unlocked"; access: Access | null; paid: boolean }
  | { name: "playing"; access: Access | null }
  | { name: "expired"; offer: Offer; order: Pending; received_sat: number }
  | {
      name: "failed";
      offer: Offer | null;
      reason: "closed" | "full" | "busy" | "other";
      detail: string;
    };

export type SaleEvent =
  | { type: "choose"; why: "preview-over" | "ran-out" | "asked" }
  | { type: "order"; offer: Offer }
  | { type: "ordered"; order: Pending }
  | { type: "arrived"; state: OrderState }
  | { type: "ran-out" }
  | { type: "unlock"; access: Access | null; paid: boolean }
  | { type: "playing" }
  | { type: "lost"; why: "ran-out" }
  | { type: "fail"; reason: "closed" | "full" | "busy" | "other"; detail: string }
  | { type: "leave" };

export type Attributes = Record<
  string,
  string | number | boolean | null | undefined | ((event: any) => void)
>;

export interface CreateElement {
  <K extends keyof HTMLElementTagNameMap>(
    tag: K,
    attributes?: Attributes | null,
    ...children: (Node | string | null | false | undefined)[]
  ): HTMLElementTagNameMap[K];
  (
    tag: string,
    attributes?: Attributes | null,
    ...children: (Node | string | null | false | undefined)[]
  ): HTMLElement;
}

/** A tip as everybody may see it. */
export interface ShownTip {
  number: number;
  amount_sat: number;
  message: string;
  at: string;
}

/** What tips are collected for. */
export interface Goal {
  words: string;
  sat: number;
  got_sat: number;
}

/** A channel's tips, the newest first, and its goal. */
export interface Board {
  tips: ShownTip[];
  goal: Goal | null;
}
