// @ts-check
// The studio's calls. Every fault is a Problem, as everywhere.

/** @import { Job, Pictures, SalesReport, StreamKey, StudioChannel, StudioTitle, Today, Upload } from "./types.js" */

import { call } from "../api.js";

/** How far this clock is ahead of UTC: the creator's days are those of his own place. */
const offset = () => -new Date().getTimezoneOffset();

/** @returns {Promise<{ titles: StudioTitle[], faults: { id: string, line: number | null, what: string }[], usual_tiers: StudioTitle["tiers"] }>} */
export const titles = () => call("GET", "/api/studio/titles");

/** @param {string} id @returns {Promise<StudioTitle>} */
export const title = (id) => call("GET", `/api/studio/titles/${id}`);

/** @param {string} id @param {string} etag @param {Record<string, unknown>} changes @returns {Promise<StudioTitle>} */
export const edit = (id, etag, changes) =>
  call("PATCH", `/api/studio/titles/${id}`, { body: changes, etag });

/** @param {string} id @param {string} etag @returns {Promise<{ freed_bytes: number, left: string }>} */
export const takeDown = (id, etag) => call("DELETE", `/api/studio/titles/${id}`, { etag });

/** What shows a title. @param {string} id @returns {Promise<Pictures>} */
export const pictures = (id) => call("GET", `/api/studio/titles/${id}/poster`);

/** Has another picture stand for a title. @param {string} id @param {string} etag @param {number | File} picture the number of one that was made, or one's own @returns {Promise<Pictures>} */
export const showBy = (id, etag, picture) =>
  call("PUT", `/api/studio/titles/${id}/poster`, {
    etag,
    ...(typeof picture === "number" ? { body: { choice: picture } } : { file: picture }),
  });

/** @returns {Promise<{ jobs: Job[] }>} */
export const jobs = () => call("GET", "/api/studio/jobs");

/** Asks the transcoder for a change. @param {string} id @param {Record<string, unknown>} change */
export const ask = (id, change) => call("POST", `/api/studio/jobs/${id}`, { body: change });

/** @returns {Promise<SalesReport>} */
export const sales = () => call("GET", `/api/studio/sales?offset_min=${offset()}`);

/** @returns {Promise<Today>} */
export const today = () => call("GET", `/api/studio/today?offset_min=${offset()}`);

/** @returns {Promise<{ uploads: Upload[] }>} */
export const uploads = () => call("GET", "/api/studio/uploads");

/** @param {string} id */
export async function dropUpload(id) {
  await fetch(`/api/studio/uploads/${id}`, {
    method: "DELETE",
    headers: { "tus-resumable": "1.0.0" },
  });
}

/** @returns {Promise<{ channels: StudioChannel[], server_url: string }>} */
export const channels = () => call("GET", "/api/studio/channels");

/** A new address for a channel's overlay, shown once. @param {string} id @returns {Promise<{ url: string }>} */
export const openOverlay = (id) => call("POST", `/api/studio/channels/${id}/overlay`);

/** @param {string} id */
export const closeOverlay = (id) => call("DELETE", `/api/studio/channels/${id}/overlay`);

/** Takes a tip off page and overlay, or puts it back. @param {number} number @param {boolean} hidden */
export const hideTip = (number, hidden) =>
  call("PATCH", `/api/studio/tips/${number}`, { body: { hidden } });

/** @param {string} id @returns {Promise<StreamKey>} */
export const addChannel = (id) => call("POST", "/api/studio/channels", { body: { id } });

/** @param {string} id @param {Record<string, unknown>} changes @returns {Promise<StudioChannel>} */
export const editChannel = (id, changes) =>
  call("PATCH", `/api/studio/channels/${id}`, { body: changes });

/** @param {string} id @returns {Promise<StreamKey>} */
export const renewKey = (id) => call("POST", `/api/studio/channels/${id}/key`);

/** @param {string} id */
export const removeChannel = (id) => call("DELETE", `/api/studio/channels/${id}`);

export const leave = () => call("DELETE", "/api/studio/session");
