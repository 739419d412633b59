// SPDX-License-Identifier: LGPL-2.1-or-later
// A browser plays outputs of jobs that still run: by its own media elements, and by hls.js.
//
// usage: players.cjs SOCKET CASES
//
// CASES is JSON: [{name, job, path, how, tag, seconds}], where `how` is "element", "hls.js" or "events". With `upload`
// and `text` this script sends the job's input, and ends it when the output was seen to play; then the output is played
// to its end. The page comes from a server of this script's own, which passes /api on to the daemon's Unix socket: one
// origin, as a site would have it. Prints a line of JSON for each case.

'use strict';

const fs = require('fs');
const http = require('http');
const { chromium } = require('playwright-core');

const [socketPath, casesText] = process.argv.slice(2);
const cases = JSON.parse(casesText);
const PATIENCE = Number(process.env.MEDLEY_TEST_PATIENCE || 120) * 1000;
const hlsScript = fs.readFileSync(require.resolve('hls.js/dist/hls.min.js'));

// What the page asked for, for the tests to look at; and whether a stream of events was cut.
const asked = [];
let isCut = false;

function forward(request, response) {
  const headers = { ...request.headers, host: 'localhost' };
  asked.push({ path: request.url, range: headers.range || null, last: headers['last-event-id'] || null });
  const upstream = http.request({ socketPath, path: request.url, method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    if (request.url.endsWith('/events') && !isCut) cut(answer, response);
    else answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  upstream.on('error', () => response.destroy());
  response.on('close', () => upstream.destroy());
  request.pipe(upstream);
}

// A connection that breaks after two events: the browser has to go on where it was.
function cut(answer, response) {
  let text = '';
  answer.on('data', (data) => {
    const before = text.length;
    text += data;
    const ends = [...text.matchAll(/^id: .*\n(?:.+\n)*\n/gm)];
    if (isCut) return;
    if (ends.length < 2) {
      response.write(data);
      return;
    }
    isCut = true;
    response.write(text.slice(before, ends[1].index + ends[1][0].length));
    // Later: what the browser has not read yet a reset would take from it.
    setTimeout(() => response.destroy(), 1000);
  });
}

const server = http.createServer((request, response) => {
  if (request.url.startsWith('/api/')) return forward(request, response);
  if (request.url === '/hls.js') return response.writeHead(200, { 'content-type': 'text/javascript' }).end(hlsScript);
  if (request.url === '/') {
    return response.writeHead(200, { 'content-type': 'text/html' })
      .end('<!doctype html><title>players</title><script src="/hls.js"></script><body></body>');
  }
  return response.writeHead(404).end();
});

// In the page: plays until some seconds have gone by, and says what was seen.
async function play({ path, how, tag, seconds, patience }) {
  const media = document.createElement(tag);
  const seen = { errors: [], playing: false };
  let hls = null;
  media.muted = true;
  document.body.append(media);
  media.addEventListener('playing', () => { seen.playing = true; });
  media.addEventListener('error', () => seen.errors.push(`${media.error.code}: ${media.error.message}`));
  if (how === 'hls.js') {
    hls = new Hls({});
    hls.on(Hls.Events.ERROR, (event, data) => {
      if (data.fatal || !/bufferStalled|bufferNudge|bufferSeekOverHole/.test(data.details)) seen.errors.push(data.details);
    });
    hls.loadSource(path);
    hls.attachMedia(media);
  } else {
    media.src = path;
  }
  media.play().catch((error) => seen.errors.push(String(error)));
  const until = performance.now() + patience;
  const first = () => (media.buffered.length > 0 ? media.currentTime : null);
  while (first() === null && performance.now() < until && seen.errors.length === 0)
    await new Promise((resolve) => setTimeout(resolve, 50));
  seen.from = first();
  while (media.currentTime < seen.from + seconds && performance.now() < until && seen.errors.length === 0)
    await new Promise((resolve) => setTimeout(resolve, 50));
  seen.time = media.currentTime;
  seen.ended = media.ended;
  seen.width = media.videoWidth || 0;
  seen.height = media.videoHeight || 0;
  seen.frames = media.getVideoPlaybackQuality ? media.getVideoPlaybackQuality().totalVideoFrames : 0;
  if (hls) {
    const level = hls.levels[hls.currentLevel >= 0 ? hls.currentLevel : 0];
    seen.live = level && level.details ? level.details.live : null;
    seen.fragments = level && level.details ? level.details.fragments.length : 0;
    seen.tracks = hls.subtitleTracks.map((track) => track.name);
    const cues = () => [...media.textTracks].flatMap((track) => [...(track.cues || [])]).map((cue) => cue.text);
    while (seen.tracks.length > 0 && cues().length === 0 && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 50));
    seen.cues = cues().slice(0, 5);
    seen.codecs = level ? [level.videoCodec || null, level.audioCodec || null] : null;
  }
  window.current = { media, hls };
  return seen;
}

// In the page: plays on to the end. A short output; some players do not say how long it is even then.
async function finish({ patience }) {
  const { media } = window.current;
  const until = performance.now() + patience;
  while (!media.ended && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
  return { ended: media.ended, time: media.currentTime, error: media.error && media.error.message };
}

// In the page: a stream of events, over breaks, for a while.
async function follow({ path, wanted, patience }) {
  const ids = [];
  let opened = 0;
  const source = new EventSource(path);
  source.onopen = () => { opened++; };
  for (const kind of ['state', 'stage-started', 'stage-first-output', 'output-started', 'progress', 'created'])
    source.addEventListener(kind, (event) => ids.push([Number(event.lastEventId), JSON.parse(event.data).seq]));
  const until = performance.now() + patience;
  while ((ids.length < wanted || opened < 2) && performance.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 50));
  source.close();
  return { ids, opened };
}

async function main() {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({
    executablePath: process.env.MEDLEY_TEST_BROWSER || '/usr/bin/chromium',
    headless: true,
    timeout: PATIENCE,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'],
  });
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    for (const one of cases) {
      const began = Date.now();
      asked.length = 0;
      let upload = null;
      if (one.upload) {
        upload = http.request({ socketPath, method: 'PUT', path: one.upload, headers: { host: 'localhost' } });
        upload.on('error', (error) => { throw error; });
        upload.write(one.text);
      }
      const result = one.how === 'events'
        ? await page.evaluate(follow, { ...one, patience: PATIENCE })
        : await page.evaluate(play, { ...one, patience: PATIENCE });
      // After it was seen to play: the job must still be at it.
      result.state = await page.evaluate(async (job) => (await (await fetch(`/api/v1/jobs/${job}`)).json()).state, one.job);
      if (upload) {
        upload.end();
        result.end = await page.evaluate(finish, { patience: PATIENCE });
      }
      await page.evaluate(() => {
        if (!window.current) return;
        const { media, hls } = window.current;
        if (hls) hls.destroy();
        media.removeAttribute('src');
        media.load();
        media.remove();
        window.current = null;
      });
      console.log(JSON.stringify({ name: one.name, took: Date.now() - began, ...result, asked: asked.filter(({ path }) => !path.includes('.m4s')).slice(0, 50) }));
    }
  } finally {
    await browser.close();
    server.close();
    server.closeAllConnections();
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
