// @ts-check
// A channel's page: what is on air, bought and played in place; or the wait for it.

/** @import { Channel, Site } from "./types.js" */

import * as api from "./api.js";
import { correct, now } from "./clock.js";
import { byId, pageData } from "./dom.js";
import { mountTip } from "./film/tip.js";
import { watchChannel } from "./live/channel.js";
import { thanks } from "./live/thanks.js";
import { offAir } from "./live/off-air.js";
import { onAir } from "./live/on-air.js";
import { waiting } from "./live/waiting.js";

/** @type {{ channel: Channel, site: Site }} */
const { channel, site } = pageData();
correct(channel.now);
const tipped = thanks(byId("thanks"));

if (channel.title) {
  const show = await onAir(channel, channel.title, site);
  watchChannel(
    channel.id,
    (news) => {
      // Another broadcast than this one has begun: its page is another.
      if (news.title && news.title.id !== channel.title?.id) location.reload();
      else show(news);
    },
    tipped,
  );
} else {
  const countdown = byId("countdown");
  const show = waiting(countdown, now);
  show(channel);
  void offAir(channel);
  const tip = byId("tip");
  if (tip) mountTip({ name: channel.name, for: { channel: channel.id } }, site, tip);
  watchChannel(
    channel.id,
    (news) => {
      if (news.title || news.starts_at !== channel.starts_at) location.reload();
      else show(news);
    },
    tipped,
  );
}

// A phone may have slept through the news.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  api.channel(channel.id).then(
    (news) => {
      if ((news.title?.id ?? null) !== (channel.title?.id ?? null) && news.title) location.reload();
    },
    () => {},
  );
});
