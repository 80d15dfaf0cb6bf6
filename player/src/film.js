// @ts-check
// The film page: puts the parts together and says who tells whom.

/** @import { Access, Grant, Site, Title } from "./types.js" */

import * as api from "./api.js";
import { now } from "./clock.js";
import { byId, h, pageData } from "./dom.js";
import { Beside } from "./film/beside.js";
import { rememberCaptions } from "./film/captions.js";
import { createPlayer } from "./film/controls.js";
import { PreviewEdge } from "./film/edge.js";
import { Elsewhere } from "./film/elsewhere.js";
import { createEngine, wholeTimeline } from "./film/engine.js";
import { Grants } from "./film/grants.js";
import { Growth } from "./film/growth.js";
import { Keeper } from "./film/keeper.js";
import { Languages } from "./film/languages.js";
import { ELSEWHERE, read } from "./film/loader.js";
import { Notices } from "./film/notices.js";
import { Place } from "./film/place.js";
import { recall, remember } from "./film/position.js";
import { Sounds } from "./film/sounds.js";
import { Till } from "./film/till.js";
import { forTitle, mountTip } from "./film/tip.js";
import { sync } from "./sync.js";

/** @type {{ title: Title, site: Site }} */
const { title, site } = pageData();

const till = new Till(title);
const { purse, store, sale, choice } = till;
const sounds = new Sounds();
const { player, video, timeline, showFree, say } = createPlayer(
  title,
  wholeTimeline ? sounds : null,
);
const grants = new Grants(title.id, api.grant, now, wholeTimeline, new Place(sessionStorage));
const growth = new Growth(video, say);
const languages = new Languages(localStorage);
const beside = new Beside(video, title, (file) => read(grants, file));
const engine = createEngine({
  video,
  grants,
  growth,
  sounds,
  languages,
  duration: title.duration_s,
  onfault: (fault) => notices.fault(fault),
});
const edge = new PreviewEdge(video, () => till.offer());
const keeper = new Keeper(video, grants, now, () => void ranOut());
const elsewhere = new Elsewhere(byId("stage"), () => void takeBack());
const notices = new Notices(title, choice, {
  buy: (offer) => void sale.buy(offer),
  play: () => void (elsewhere.shown ? takeBack() : video.play()),
  retry: () => void begin(),
  reload: () => engine.retry(),
});

/** How much of the film is open now. @param {Grant} grant */
function limit(grant) {
  const end = grant.full ? null : grant.preview_s;
  // Where more of the free part is still being made, its end so far is no reason to offer anything.
  edge.set(growth.edge <= title.preview_s ? Infinity : (end ?? Infinity));
  // The browser's own player knows of nothing beyond the free part.
  showFree(wholeTimeline ? end : null, title.duration_s);
}

/** The first grant: with what is owned, else the free start. */
async function begin() {
  const held = await till.heldNow();
  let grant;
  try {
    grant = await grants.open(held?.token ?? null);
  } catch (problem) {
    const refused = /** @type {api.Problem} */ (problem);
    if (refused.slug === "no-preview") return lock();
    if (!held || refused.away) return notices.refused(refused);
    // What is held opens nothing at the moment: say why, and show what everybody sees.
    grant = await grants.open(null).catch(() => null);
    if (grant) show(grant, 0);
    else lock();
    if (refused.slug !== ELSEWHERE) return notices.refused(refused);
    notices.owned(held);
    return elsewhere.show();
  }
  show(grant, grant.full ? recall(localStorage, title.id, title.duration_s) : 0);
  if (!grant.full) return;
  if (held) own(held);
  // Browsers decide whether a film may begin by itself; where not, the button waits.
  video.play().catch(() => {});
}

/** Nothing of it is free: its picture, and the offer when somebody wants it to play. */
function lock() {
  edge.set(0);
  showFree(0, title.duration_s);
}

/** @param {Grant} grant @param {number} at */
function show(grant, at) {
  limit(grant);
  engine.start(grant, at);
  beside.show(grant);
}

/** Up to where the film was made when its free part was last asked for. */
let asked = 0;
let made = 0;

/** A film that is still being made has grown, or is whole: more may be free, and in more qualities. */
async function grown() {
  const { current } = grants;
  if (!current) return;
  // Servers look at a playlist once a second: what they know is as new as what was here last time.
  const known = made;
  made = growth.edge;
  if (!current.full && asked <= title.preview_s) {
    asked = known;
    void grants.renew().catch(() => {});
  }
  const { text } = await read(grants, "master.m3u8");
  engine.offer(text.match(/^#EXT-X-STREAM-INF/gm)?.length ?? 0);
  if (!growth.growing && grants.current) beside.grown(await api.title(title.id), grants.current);
}

/** @typedef {{ expires_at: string | null, scope: string, tag?: string | null }} Owned */

/** @param {Owned} access */
function own(access) {
  keeper.until(access.expires_at);
  notices.owned(access);
  if (store.is("idle")) store.send({ type: "unlock", access: null, paid: false });
}

/**
 * Paid, or found to be owned: the film goes on at the very frame where it stands.
 *
 * @param {Owned & { token: string }} access
 * @param {(token: string) => Promise<Grant>} [open]
 */
async function unlock(access, open = (token) => grants.open(token)) {
  try {
    const before = grants.current;
    const grant = await open(access.token);
    if (!before) show(grant, recall(localStorage, title.id, title.duration_s));
    else {
      limit(grant);
      engine.open(grant);
      beside.show(grant);
    }
  } catch (problem) {
    refused(/** @type {api.Problem} */ (problem));
    return;
  }
  elsewhere.hide();
  own(access);
  video.play().catch(() => {});
  void sync(purse).catch(() => {});
}

/** Other devices had all places: this one wants the oldest one's. */
async function takeBack() {
  const held = till.held();
  if (!held) return begin();
  // Where the page began without a place, the picture stands at the start.
  const at = grants.current?.full ? 0 : recall(localStorage, title.id, title.duration_s);
  await unlock(held, (token) => grants.takeBack(token));
  if (at > 0 && !elsewhere.shown) video.currentTime = at;
}

/** @param {api.Problem} problem */
function refused(problem) {
  video.pause();
  if (problem.slug === ELSEWHERE) elsewhere.show();
  else notices.refused(problem);
}

/** The rent ended in mid-film: stop kindly, offer again, keep the place. */
async function ranOut() {
  video.pause();
  keeper.until(null);
  notices.offers();
  store.send({ type: "lost", why: "ran-out" });
  store.send({ type: "choose", why: "ran-out" });
  const grant = await grants.open(null).catch(() => null);
  if (!grant || grant.full) return;
  limit(grant);
  engine.close(grant.preview_s ?? 0);
  beside.show(grant);
}

grants.onrefused = (problem) => {
  if (problem.slug === "token-expired") void ranOut();
  else refused(problem);
};

grants.onrenewed = (grant) => {
  beside.renewed(grant);
  keeper.told(grant);
  if (grant.full) return;
  limit(grant);
  engine.widen(grant.preview_s ?? 0);
};
growth.ongrown = () => void grown().catch(() => {});
// A film that stands still renews nothing; who looks for a place in it wants its pictures.
timeline.addEventListener("pointerenter", () => {
  if (grants.current?.full && !grants.fresh()) void grants.ready();
});

byId("stage")?.replaceChildren(player);
rememberCaptions(player, video, languages, !wholeTimeline);
notices.offers();
remember(localStorage, title.id, video);
video.addEventListener("playing", () => store.send({ type: "playing" }));
const tip = byId("tip");
if (tip) mountTip(forTitle(title), site, tip);

till.open((access) => void unlock(access));

await begin();
await till.resume();
