// @ts-check
// While a channel is on air: player, offers and panel put together, as on a film's page.

/** @import { Access, Channel, Grant, Site, Title } from "../types.js" */

import * as api from "../api.js";
import { now } from "../clock.js";
import { byId } from "../dom.js";
import { Elsewhere } from "../film/elsewhere.js";
import { Grants } from "../film/grants.js";
import { Keeper } from "../film/keeper.js";
import { ELSEWHERE } from "../film/loader.js";
import { Notices } from "../film/notices.js";
import { Till } from "../film/till.js";
import { forTitle, mountTip } from "../film/tip.js";
import { sync } from "../sync.js";
import { createLivePlayer } from "./controls.js";
import { createLiveEngine, lowLatency } from "./engine.js";
import { Glimpse, LivePlace } from "./glimpse.js";
import { Pause } from "./pause.js";

/** Within this time after an outage every page asks what it has added. */
const ASK_WITHIN_MS = 3000;

/**
 * @param {Channel} channel @param {Title} title @param {Site} site
 * @returns {Promise<(news: Channel) => void>} takes the channel's news
 */
export async function onAir(channel, title, site) {
  const stage = byId("stage");
  const till = new Till(title);
  const { purse, store, sale, choice } = till;
  const { player, video } = createLivePlayer(title);
  const place = new LivePlace(sessionStorage, localStorage, title.id);
  const grants = new Grants(title.id, api.grant, now, lowLatency, place);
  const engine = createLiveEngine(video, grants);
  const pause = new Pause(stage, video);
  const glimpse = new Glimpse(video, () => previewOver());
  const keeper = new Keeper(video, grants, now, () => ranOut("ran-out"));
  const elsewhere = new Elsewhere(stage, () => void takeBack());
  const notices = new Notices(title, choice, {
    buy: (offer) => void sale.buy(offer),
    play: () => void (elsewhere.shown ? takeBack() : video.play()),
    retry: () => void begin(),
    reload: () => grants.current && engine.start(grants.current),
  });
  /** @typedef {Pick<Access, "token" | "expires_at" | "scope" | "tag"> & { credit_s?: number }} Owned */
  /** What plays by now. @type {Owned | null} */
  let owned = null;
  let away = channel.state === "away";
  /** Nothing is to be played now: the free part is over, or there is none. */
  let locked = false;

  /** @param {Grant} grant */
  function show(grant) {
    locked = false;
    glimpse.begin(grant);
    engine.start(grant);
  }

  /** With what is owned, else the free part. */
  async function begin() {
    const held = await till.heldNow();
    try {
      const grant = await grants.open(held?.token ?? null);
      show(grant);
      if (held && grant.full) own(rented({ ...held, tag: held.tag ?? null }, grant));
      video.play().catch(() => {});
    } catch (problem) {
      const refused = /** @type {api.Problem} */ (problem);
      if (refused.slug === ELSEWHERE && held) {
        notices.owned(held);
        return elsewhere.show();
      }
      if (refused.slug === "no-preview") return lock();
      notices.refused(refused);
    }
  }

  function lock() {
    locked = true;
    glimpse.stop();
    engine.stop();
    video.pause();
  }

  function previewOver() {
    if (grants.token !== null) return;
    lock();
    till.offer();
  }

  /**
   * With what an outage that is over has added. While one lasts, nobody knows how much that is.
   *
   * @param {Owned} held @param {Grant} grant @returns {Owned}
   */
  function rented(held, { full, ends_at, credit_s }) {
    return full && ends_at && !away ? { ...held, expires_at: ends_at, credit_s } : held;
  }

  /** @param {Owned} access */
  function own(access) {
    owned = access;
    keeper.until(access.expires_at);
    notices.owned(access);
    if (store.is("idle")) store.send({ type: "unlock", access: null, paid: false });
  }

  /** @param {Owned} access @param {(token: string) => Promise<Grant>} [open] */
  async function unlock(access, open = (token) => grants.open(token)) {
    const playing = grants.current !== null && !locked;
    let shown = access;
    try {
      const grant = await open(access.token);
      shown = rented(access, grant);
      glimpse.stop();
      // What plays goes on: its next request carries the new right.
      if (!playing) show(grant);
    } catch (problem) {
      return refused(/** @type {api.Problem} */ (problem));
    }
    elsewhere.hide();
    own(shown);
    video.play().catch(() => {});
    void sync(purse).catch(() => {});
  }

  async function takeBack() {
    const held = till.held();
    if (!held) return begin();
    await unlock({ ...held, tag: held.tag ?? null }, (token) => grants.takeBack(token));
  }

  /** @param {api.Problem} problem */
  function refused(problem) {
    if (problem.slug === "no-preview") return previewOver();
    lock();
    if (problem.slug === ELSEWHERE) elsewhere.show();
    else notices.refused(problem);
  }

  /** @param {"ran-out"} why */
  function ranOut(why) {
    lock();
    owned = null;
    keeper.until(null);
    notices.offers();
    store.send({ type: "lost", why });
    store.send({ type: "choose", why });
  }

  grants.onrefused = (problem) => {
    if (problem.slug === "token-expired") ranOut("ran-out");
    else refused(problem);
  };
  grants.onrenewed = (grant) => {
    keeper.told(grant);
    if (!owned || owned.token !== grants.token) return;
    const now = rented(owned, grant);
    if (now.expires_at === owned.expires_at && now.credit_s === owned.credit_s) return;
    if (now.expires_at) purse.extend(now.token, now.expires_at);
    own(now);
  };
  // Whoever presses play where nothing is free wants to know what it costs.
  video.addEventListener("play", () => {
    if (locked && grants.token === null) previewOver();
  });
  video.addEventListener("playing", () => store.send({ type: "playing" }));

  stage?.replaceChildren(player);
  notices.offers();
  const tip = byId("tip");
  if (tip) mountTip(forTitle(title), site, tip);
  till.open((access) => void unlock(access));

  await begin();
  await till.resume();
  return (news) => {
    if (news.title === null) pause.end();
    const isBack = away && news.state === "live";
    away = news.state === "away";
    // Not all viewers at once.
    if (isBack && owned) setTimeout(() => void grants.confirm(), Math.random() * ASK_WITHIN_MS);
  };
}
