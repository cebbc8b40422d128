import {
  decodeFrameHeader,
  frameOf,
  headerLength,
  type Frame,
  type FrameFault,
  type FrameLimits,
  type ReadHeader,
} from './frame.ts';

export interface FrameStep {
  /** Frames that are complete, in order; those before a fault are good. */
  readonly frames: readonly Frame[];
  /** The body is not a run of frames within the limits. Every later call repeats it. */
  readonly fault: FrameFault | undefined;
}

/**
 * Reads frames from a body that arrives in slices of any size. Holds at most one header and one payload, each no
 * longer than announced and allowed.
 */
export interface FrameReader {
  /** A payload may be a view of the slice: use or copy it before the slice's memory is used again. */
  push(slice: Uint8Array): FrameStep;
  /** Tells whether the body may end here: undefined, or the fault. */
  finish(): FrameFault | undefined;
}

/** Bytes that are gathered until they are `wanted` many. */
interface Gathering {
  readonly bytes: Uint8Array;
  length: number;
}

const LONGEST_HEADER_BYTES = 128;
const DECIDING_BYTES = 2;

interface ReaderState {
  readonly limits: FrameLimits;
  readonly header: Gathering;
  /** The frame whose payload is being read. */
  current: ReadHeader | undefined;
  /** Where a payload that spans slices is put together. */
  payload: Gathering | undefined;
  fault: FrameFault | undefined;
  frameCount: number;
  bodyBytes: number;
}

function stop(state: ReaderState, reason: FrameFault['reason']): void {
  state.fault = { code: 'frame_invalid', reason };
}

/** Takes what is missing up to `wanted` from the slice; returns the new position in it. */
function gather(into: Gathering, wanted: number, slice: Uint8Array, at: number): number {
  const end = Math.min(slice.length, at + Math.max(0, wanted - into.length));
  into.bytes.set(slice.subarray(at, end), into.length);
  into.length += end - at;
  return end;
}

/** Begins the frame whose header is complete, if it is one to accept. */
function begin(state: ReaderState, wanted: number): void {
  const { header, limits } = state;
  const decoded = decodeFrameHeader(header.bytes.subarray(0, wanted), limits);
  if (!decoded.ok) {
    stop(state, decoded.fault);
    return;
  }
  state.frameCount++;
  state.bodyBytes += decoded.value.payloadLength;
  if (state.frameCount > limits.frames) stop(state, 'too_many_frames');
  else if (state.bodyBytes > limits.bodyBytes) stop(state, 'body_too_large');
  state.current = decoded.value;
  header.length = 0;
}

function readHeader(state: ReaderState, slice: Uint8Array, from: number): number {
  const { header } = state;
  const at = gather(header, DECIDING_BYTES, slice, from);
  if (header.length < DECIDING_BYTES) return at;
  const wanted = headerLength(header.bytes[0] ?? 0, header.bytes[1] ?? 0);
  if (!wanted.ok) {
    stop(state, wanted.fault);
    return at;
  }
  const end = gather(header, wanted.value, slice, at);
  if (header.length === wanted.value) begin(state, wanted.value);
  return end;
}

/** The whole payload as one run of bytes, or undefined while some of it is missing; and the new position. */
function readPayload(
  state: ReaderState,
  length: number,
  slice: Uint8Array,
  at: number,
): readonly [number, Uint8Array?] {
  if (state.payload === undefined && slice.length - at >= length) return [at + length, slice.subarray(at, at + length)];
  state.payload ??= { bytes: new Uint8Array(length), length: 0 };
  const end = gather(state.payload, length, slice, at);
  return state.payload.length === length ? [end, state.payload.bytes] : [end];
}

function complete(state: ReaderState, header: ReadHeader, payload: Uint8Array): Frame | undefined {
  state.current = undefined;
  state.payload = undefined;
  const frame = frameOf(header, payload);
  if (frame.ok) return frame.value;
  stop(state, frame.fault);
  return undefined;
}

function readFrames(state: ReaderState, slice: Uint8Array): readonly Frame[] {
  const frames: Frame[] = [];
  let at = 0;
  while (at < slice.length && state.fault === undefined) {
    if (state.current === undefined) {
      at = readHeader(state, slice, at);
      continue;
    }
    const [end, payload] = readPayload(state, state.current.payloadLength, slice, at);
    at = end;
    const frame = payload && complete(state, state.current, payload);
    if (frame !== undefined) frames.push(frame);
  }
  return frames;
}

export function createFrameReader(limits: FrameLimits): FrameReader {
  const state: ReaderState = {
    limits,
    header: { bytes: new Uint8Array(LONGEST_HEADER_BYTES), length: 0 },
    current: undefined,
    payload: undefined,
    fault: undefined,
    frameCount: 0,
    bodyBytes: 0,
  };
  return {
    push(slice) {
      const frames = readFrames(state, slice);
      return { frames, fault: state.fault };
    },
    finish() {
      const midFrame = state.current !== undefined || state.header.length > 0;
      if (state.fault === undefined && midFrame) stop(state, 'truncated');
      return state.fault;
    },
  };
}
