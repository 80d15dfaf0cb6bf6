// @ts-check
// Until a broadcast begins: a countdown in the viewer's own time.

/** @import { Channel } from "../types.js" */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `93784` → "1 day 2 h"; under an hour to the second. @param {number} seconds */
export function until(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const days = Math.floor(whole / DAY);
  const hours = Math.floor((whole % DAY) / HOUR);
  const minutes = Math.floor((whole % HOUR) / MINUTE);
  if (days > 0) return `${days} ${days === 1 ? "day" : "days"} ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return `${minutes}:${String(whole % MINUTE).padStart(2, "0")}`;
}

/**
 * @param {HTMLElement | null} place @param {() => number} now milliseconds
 * @returns {(channel: Channel) => void}
 */
export function waiting(place, now) {
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;
  return (channel) => {
    clearInterval(timer);
    const starts = channel.starts_at === null ? null : Date.parse(channel.starts_at);
    const time = document.getElementById("starts");
    if (time && starts !== null) {
      time.textContent = new Date(starts).toLocaleString(undefined, {
        dateStyle: "full",
        timeStyle: "short",
      });
    }
    if (!place || starts === null) return;
    const render = () => {
      const left = (starts - now()) / 1000;
      place.textContent = left > 0 ? `in ${until(left)}` : "Any moment now.";
      if (left <= 0) clearInterval(timer);
    };
    timer = setInterval(render, 1000);
    render();
  };
}
