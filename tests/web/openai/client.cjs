// SPDX-License-Identifier: LGPL-2.1-or-later
// The official client, unmodified, against a medleyd: one function a subject, named by the first argument; each says a
// line of JSON for what it saw. MEDLEY_URL and MEDLEY_TOKEN tell where the daemon is.
'use strict';

// What the client asks node 18 for; later ones have it.
globalThis.File ??= require('node:buffer').File;

const fs = require('node:fs');
const OpenAI = require('openai');

const baseURL = process.env.MEDLEY_URL + '/v1';
const client = new OpenAI({ apiKey: process.env.MEDLEY_TOKEN, baseURL, maxRetries: 0, timeout: 120000 });

const say = (value) => console.log(JSON.stringify(value));
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function collect(iterable) {
  const all = [];
  for await (const item of iterable) all.push(item);
  return all;
}

// What a call that has to fail throws.
async function fail(call) {
  try {
    await call();
  } catch (error) {
    return {
      class: error.constructor.name, status: error.status, type: error.type, param: error.param, code: error.code,
      message: error.message,
    };
  }
  return { class: null };
}

const subjects = {
  async models() {
    const all = await collect(client.models.list());
    say(all.map((model) => model.id).sort());
    say(await client.models.retrieve('speak'));
  },

  async speech(folder) {
    const reply = await client.audio.speech.create({
      model: 'tone', voice: 'low', input: 'One sentence is spoken here.', response_format: 'wav',
    });
    fs.writeFileSync(`${folder}/speech.wav`, Buffer.from(await reply.arrayBuffer()));
    say({ type: reply.headers.get('content-type') });
    const events = await client.audio.speech.create({
      model: 'tone', voice: 'low', input: 'One sentence is spoken here.', response_format: 'wav', stream_format: 'sse',
    });
    fs.writeFileSync(`${folder}/events.txt`, await events.text());
    const streamed = await client.audio.speech.create({
      model: 'speak', voice: 'alloy', input: 'This is heard while it is made. '.repeat(40), response_format: 'pcm',
    });
    const pieces = await collect(streamed.body);
    say({ pieces: pieces.length, bytes: pieces.reduce((sum, piece) => sum + piece.length, 0) });
  },

  async transcription(folder) {
    const open = () => fs.createReadStream(`${folder}/speech.wav`);
    say(await client.audio.transcriptions.create({ model: 'listener', file: open(), language: 'de' }));
    say(await client.audio.transcriptions.create({
      model: 'listener', file: open(), response_format: 'verbose_json',
      timestamp_granularities: ['word', 'segment'],
    }));
    say(await client.audio.transcriptions.create({ model: 'listener', file: open(), response_format: 'vtt' }));
    say(await collect(await client.audio.transcriptions.create({ model: 'listener', file: open(), stream: true })));
  },

  async chat(picture) {
    const messages = [{ role: 'user', content: 'Why is the sky blue?' }];
    say(await client.chat.completions.create({ model: 'chat', messages }));
    say(await collect(await client.chat.completions.create({
      model: 'slow-chat', messages, stream: true, stream_options: { include_usage: true },
    })));
    const runner = client.chat.completions.stream({ model: 'chat', messages, temperature: 2 });
    const deltas = [];
    runner.on('content', (delta) => deltas.push(delta));
    say({ final: await runner.finalContent(), deltas: deltas.join('') });
    const url = `data:image/png;base64,${fs.readFileSync(picture).toString('base64')}`;
    const page = await client.chat.completions.create({
      model: 'read-page', messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
    });
    say(page.choices[0].message.content);
  },

  async images(folder, picture) {
    const painted = await client.images.generate({
      model: 'painter', prompt: 'a red fox', size: '128x64', background: 'transparent',
    });
    fs.writeFileSync(`${folder}/painted.png`, Buffer.from(painted.data[0].b64_json, 'base64'));
    say({ ...painted, data: painted.data.length });
    const linked = await client.images.generate({
      model: 'painter', prompt: 'a red fox', response_format: 'url', output_format: 'jpeg',
    });
    const headers = { Authorization: `Bearer ${process.env.MEDLEY_TOKEN}` };
    const got = await fetch(linked.data[0].url, { headers });
    fs.writeFileSync(`${folder}/linked.jpeg`, Buffer.from(await got.arrayBuffer()));
    say({ status: got.status, type: got.headers.get('content-type') });
    const events = await collect(await client.images.generate({
      model: 'painter', prompt: 'a red fox runs away', stream: true, partial_images: 1,
    }));
    say(events.map((event) => ({ ...event, b64_json: event.b64_json.length })));
    const edited = await client.images.edit({
      model: 'retoucher', image: fs.createReadStream(picture), prompt: 'invert',
    });
    fs.writeFileSync(`${folder}/edited.png`, Buffer.from(edited.data[0].b64_json, 'base64'));
    say({ usage: edited.usage });
  },

  async embeddings() {
    // The client asks for base64 by itself, and decodes it.
    const found = await client.embeddings.create({
      model: 'embedder', input: ['the bird sings', 'sings the bird', 'rust'], dimensions: 8,
    });
    say({ ...found, data: found.data.map(({ index, embedding }) => ({ index, embedding: Array.from(embedding) })) });
    const one = await client.embeddings.create({ model: 'one-embedder', input: 'rust', encoding_format: 'float' });
    say(one.data[0].embedding);
  },

  async videos(folder) {
    const video = await client.videos.create({
      model: 'slow-film', prompt: 'One sentence is told. Then another one follows. The third is the last.', size: '320x240',
    });
    say(video);
    let now = video;
    const seen = [];
    while (now.status === 'queued' || now.status === 'in_progress') {
      seen.push([now.status, now.progress]);
      await sleep(100);
      now = await client.videos.retrieve(video.id);
    }
    say({ seen, now });
    const content = await client.videos.downloadContent(video.id);
    fs.writeFileSync(`${folder}/film.mp4`, Buffer.from(await content.arrayBuffer()));
    const second = await client.videos.create({ model: 'film', prompt: 'A second one.' });
    const pages = await collect(client.videos.list({ limit: 1 }));
    const oldest = await client.videos.list({ order: 'asc', limit: 1 });
    say({ ids: [video.id, second.id], pages: pages.map((one) => one.id), oldest: oldest.data[0].id });
    say(await client.videos.delete(video.id));
    say(await fail(() => client.videos.retrieve(video.id)));
  },

  async video(id, folder) {
    const content = await client.videos.downloadContent(id);
    fs.writeFileSync(`${folder}/kept.mp4`, Buffer.from(await content.arrayBuffer()));
    say(await client.videos.retrieve(id));
  },

  async errors() {
    const messages = [{ role: 'user', content: 'Hi' }];
    const stranger = new OpenAI({ apiKey: 'nobody', baseURL, maxRetries: 0 });
    const url = 'https://example.org/a.png';
    say({
      unauthorized: await fail(() => stranger.models.list()),
      noModel: await fail(() => client.chat.completions.create({ model: 'no-such', messages })),
      noRoute: await fail(() => client.chat.completions.create({ model: 'speak', messages })),
      manyAnswers: await fail(() => client.chat.completions.create({ model: 'chat', messages, n: 2 })),
      tools: await fail(() => client.chat.completions.create({
        model: 'chat', messages, tools: [{ type: 'function', function: { name: 'f' } }],
      })),
      json: await fail(() => client.chat.completions.create({
        model: 'chat', messages, response_format: { type: 'json_object' },
      })),
      elsewhere: await fail(() => client.chat.completions.create({
        model: 'read-page', messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
      })),
      size: await fail(() => client.images.generate({ model: 'stamp', prompt: 'x', size: '64x64' })),
      webp: await fail(() => client.images.generate({ model: 'painter', prompt: 'x', output_format: 'webp' })),
      seconds: await fail(() => client.videos.create({ model: 'film', prompt: 'x', seconds: '4' })),
      noVideo: await fail(() => client.videos.retrieve('video_nothing')),
      tokens: await fail(() => client.embeddings.create({ model: 'embedder', input: [1, 2] })),
      crash: await fail(() => client.chat.completions.create({ model: 'crash', messages })),
    });
  },

  // The queue is full until somebody ends what fills it: the first answer is 429.
  async retries(job) {
    const patient = new OpenAI({
      apiKey: process.env.MEDLEY_TOKEN, baseURL, maxRetries: 5,
      fetch: async (address, options) => {
        const reply = await fetch(address, options);
        statuses.push([reply.status, reply.headers.get('retry-after')]);
        if (reply.status === 429) await cancel(job);
        return reply;
      },
    });
    const statuses = [];
    const messages = [{ role: 'user', content: 'Is there room?' }];
    const impatient = await fail(() => client.chat.completions.create({ model: 'chat', messages }));
    const answer = await patient.chat.completions.create({ model: 'chat', messages });
    say({ impatient, statuses, answer: answer.choices[0].message.content });
  },

  async abort() {
    const stream = await client.chat.completions.create({
      model: 'slow-chat', messages: [{ role: 'user', content: 'word '.repeat(1000) }], stream: true,
    });
    for await (const chunk of stream) {
      if (chunk.choices[0].delta.content) {
        say(chunk.id.replace('chatcmpl-', ''));
        stream.controller.abort();
        break;
      }
    }
  },
};

async function cancel(job) {
  const headers = { Authorization: `Bearer ${process.env.MEDLEY_TOKEN}` };
  await fetch(`${process.env.MEDLEY_URL}/api/v1/jobs/${job}/cancel`, { method: 'POST', headers });
}

const [subject, ...rest] = process.argv.slice(2);
subjects[subject](...rest).catch((error) => {
  console.error(error);
  process.exit(1);
});
