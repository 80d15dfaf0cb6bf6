// @ts-check
// While a channel is on air: player, offers and panel put together, as on a film's page.

/** @import { Access, Channel, Grant, Site, Title } from "../types.js" */

import * as api from "../api.js";
import { now } from "../clock.js";
import { byId } from "../dom.js";
import { Choice } from "../film/choice.js";
import { Elsewhere } from "../film/elsewhere.js";
import { Grants } from "../film/grants.js";
import { Keeper } from "../film/keeper.js";
import { ELSEWHERE } from "../film/loader.js";
import { Notices } from "../film/notices.js";
import { createPanel } from "../film/panel.js";
import { mountTip } from "../film/tip.js";
import { Purse } from "../purse.js";
import { PendingOrders } from "../sale/pending.js";
import { Sale } from "../sale/sale.js";
import { Store } from "../sale/store.js";
import { watchOrder } from "../sale/watch.js";
import { sync } from "../sync.js";
import { createLivePlayer } from "./controls.js";
import { createLiveEngine, lowLatency } from "./engine.js";
import { Glimpse, LivePlace } from "./glimpse.js";
import { Pause } from "./pause.js";

/**
 * @param {Channel} channel @param {Title} title @param {Site} site
 * @returns {Promise<(news: Channel) => void>} takes the channel's news
 */
export async function onAir(channel, title, site) {
  const stage = byId("stage");
  const purse = new Purse(localStorage);
  const store = new Store();
  const sale = new Sale(title, store, purse, new PendingOrders(localStorage, now), {
    order: api.order,
    redeem: api.redeem,
    watch: watchOrder,
    later: (then, ms) => setTimeout(then, ms),
  });
  const { player, video } = createLivePlayer(title);
  const place = new LivePlace(sessionStorage, localStorage, title.id);
  const grants = new Grants(title.id, api.grant, now, lowLatency, place);
  const engine = createLiveEngine(video, grants);
  const pause = new Pause(stage, video);
  const glimpse = new Glimpse(video, () => previewOver());
  const keeper = new Keeper(video, grants, now, () => ranOut("ran-out"));
  const elsewhere = new Elsewhere(stage, () => void takeBack());
  const choice = new Choice(title);
  const notices = new Notices(title, choice, {
    buy: (offer) => void sale.buy(offer),
    play: () => void (elsewhere.shown ? takeBack() : video.play()),
    retry: () => void begin(),
    reload: () => grants.current && engine.start(grants.current),
  });
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
    const held = purse.forTitle(title.scopes, now());
    try {
      const grant = await grants.open(held?.token ?? null);
      show(grant);
      if (held && grant.full) own(held);
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
    const why = purse.ranOut(title.scopes, now()) ? "ran-out" : "preview-over";
    store.send({ type: "choose", why });
  }

  /** @param {{ expires_at: string | null, scope: string, tag?: string | null }} access */
  function own(access) {
    keeper.until(access.expires_at);
    notices.owned(access);
    if (store.is("idle")) store.send({ type: "unlock", access: null, paid: false });
  }

  /** @param {Pick<Access, "token" | "expires_at" | "scope" | "tag">} access @param {(token: string) => Promise<Grant>} [open] */
  async function unlock(access, open = (token) => grants.open(token)) {
    const playing = grants.current !== null && !locked;
    try {
      const grant = await open(access.token);
      glimpse.stop();
      // What plays goes on: its next request carries the new right.
      if (!playing) show(grant);
    } catch (problem) {
      return refused(/** @type {api.Problem} */ (problem));
    }
    elsewhere.hide();
    own(access);
    video.play().catch(() => {});
    void sync(purse).catch(() => {});
  }

  async function takeBack() {
    const held = purse.forTitle(title.scopes, now());
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
    keeper.until(null);
    notices.offers();
    store.send({ type: "lost", why });
    store.send({ type: "choose", why });
  }

  grants.onrefused = (problem) => {
    if (problem.slug === "token-expired") ranOut("ran-out");
    else refused(problem);
  };
  // Whoever presses play where nothing is free wants to know what it costs.
  video.addEventListener("play", () => {
    if (locked && grants.token === null) previewOver();
  });
  video.addEventListener("playing", () => store.send({ type: "playing" }));

  stage?.replaceChildren(player);
  notices.offers();
  const tip = byId("tip");
  if (tip) mountTip(title, site, tip);
  const panel = createPanel(title, choice, sale, () => {
    const over = purse.ranOut(title.scopes, now());
    return title.tiers.find(({ tier, scope }) => tier === over?.tier && scope === over.scope);
  });
  store.listen(panel);
  store.listen((state, before) => {
    if (state.name === "unlocked" && before.name !== "unlocked" && state.access)
      void unlock(state.access);
  });
  const found = () => {
    const held = purse.forTitle(title.scopes, now());
    if (held && !store.is("unlocked", "playing")) {
      const access = { ...held, subject: "", title: null, tag: held.tag ?? null };
      store.send({ type: "unlock", access, paid: false });
    }
  };
  window.addEventListener("storage", found);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void sale.look();
  });

  await begin();
  if (store.is("idle") && !title.free) {
    await sale.resume();
    if (purse.list().length === 0) await sync(purse).then(found, () => {});
  }
  return (news) => {
    if (news.title === null) pause.end();
  };
}
