// SPDX-License-Identifier: Apache-2.0
// bench-onnx.mjs FOLDER MODEL cpu|wall: ONNX Runtime on one thread. First a line "ready VERSION" or "error WHY"; then for
// each line "N" on stdin one line with the milliseconds of N runs.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import path from 'node:path';

const [folder, model, clock] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(folder), 'package.json'));

function now() {
    if (clock === 'wall')
        return Number(process.hrtime.bigint()) / 1e6;
    const usage = process.cpuUsage();
    return (usage.user + usage.system) / 1e3;
}

function fill(type, n) {
    const arrays = { uint8: Uint8Array, int8: Int8Array, float32: Float32Array };
    const data = new arrays[type](n);
    if (type !== 'float32') {
        const bytes = new Uint8Array(data.buffer);
        let noise = 1;
        for (let i = 0; i < n; i++) {
            noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
            bytes[i] = noise >>> 24;
        }
    }
    return data;
}

async function open() {
    const ort = require('onnxruntime-node');
    const session = await ort.InferenceSession.create(model, {
        intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential', executionProviders: ['cpu'],
    });
    const feeds = {};
    for (const input of session.inputMetadata) {
        const shape = input.shape.map((n) => (typeof n === 'number' && n > 0 ? n : 1));
        feeds[input.name] = new ort.Tensor(input.type, fill(input.type, shape.reduce((a, b) => a * b, 1)), shape);
    }
    await session.run(feeds);
    return { session, feeds, version: ort.env.versions?.node ?? require('onnxruntime-node/package.json').version };
}

try {
    const { session, feeds, version } = await open();
    console.log(`ready ${version}`);
    for await (const line of createInterface({ input: process.stdin })) {
        const times = [];
        for (let i = Number(line); i > 0; i--) {
            const begin = now();
            await session.run(feeds);
            times.push(now() - begin);
        }
        console.log(times.map((ms) => ms.toFixed(4)).join(' '));
    }
} catch (error) {
    console.log(`error ${String(error.message ?? error).split('\n')[0]}`);
}
