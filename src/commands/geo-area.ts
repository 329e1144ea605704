// Searching around a position: distances, and the cells that cover a circle or a box. Formulas:
// Redis 7.0's geohash_helper.c (haversine on a sphere). Sines are those of the JavaScript engine:
// the last bit of a distance may differ from a C library's.

import { type Area, areaOf, bounds, type Cell, cellAt, neighbour, stepMax } from "./geo-cells.js";

const earthRadius = 6372797.560856;
/** Half of the equator as web maps draw it. */
const mercatorMax = 20037726.37;
const radian = Math.PI / 180;

/** A circle when `radius` is not negative, else a box; lengths in units of `unit` meters. */
export interface Shape {
  longitude: number;
  latitude: number;
  unit: number;
  radius: number;
  width: number;
  height: number;
}

const latitudeDistance = (from: number, to: number): number =>
  earthRadius * Math.abs(to * radian - from * radian);

/** Meters between two positions. */
export function distanceBetween(
  longitude: number,
  latitude: number,
  otherLongitude: number,
  otherLatitude: number,
): number {
  const east = Math.sin((otherLongitude * radian - longitude * radian) / 2);
  if (east === 0) return latitudeDistance(latitude, otherLatitude);
  const from = latitude * radian;
  const to = otherLatitude * radian;
  const north = Math.sin((to - from) / 2);
  const chord = north * north + Math.cos(from) * Math.cos(to) * east * east;
  return 2 * earthRadius * Math.asin(Math.sqrt(chord));
}

/** Meters from the middle of a shape to a position, NaN when the position lies outside. */
export function distanceWithin(shape: Shape, longitude: number, latitude: number): number {
  const { unit } = shape;
  if (shape.radius >= 0) {
    const distance = distanceBetween(shape.longitude, shape.latitude, longitude, latitude);
    return distance > shape.radius * unit ? Number.NaN : distance;
  }
  const north = latitudeDistance(latitude, shape.latitude);
  if (north > (shape.height * unit) / 2) return Number.NaN;
  const east = distanceBetween(longitude, latitude, shape.longitude, latitude);
  if (east > (shape.width * unit) / 2) return Number.NaN;
  return distanceBetween(shape.longitude, shape.latitude, longitude, latitude);
}

/** How fine a grid may be so that nine cells cover the shape. */
function stepFor(meters: number, latitude: number): number {
  if (meters === 0) return stepMax;
  let step = -1;
  for (let reach = meters; reach < mercatorMax; reach *= 2) step++;
  // Cells are narrower towards the poles.
  if (Math.abs(latitude) > 66) step--;
  if (Math.abs(latitude) > 80) step--;
  return Math.min(stepMax, Math.max(1, step));
}

function boundingBox(shape: Shape): Area {
  const { longitude, latitude, unit } = shape;
  const isCircle = shape.radius >= 0;
  const height = unit * (isCircle ? shape.radius : shape.height / 2);
  const width = unit * (isCircle ? shape.radius : shape.width / 2);
  const north = height / earthRadius / radian;
  // The side nearer to the pole is the one that spans more degrees.
  const wide = latitude < 0 ? latitude - north : latitude + north;
  const east = width / earthRadius / Math.cos(wide * radian) / radian;
  return {
    west: longitude - east,
    east: longitude + east,
    south: latitude - north,
    north: latitude + north,
  };
}

const metersOf = (shape: Shape): number =>
  shape.radius >= 0
    ? shape.radius * shape.unit
    : Math.sqrt((shape.width / 2) * (shape.width / 2) + (shape.height / 2) * (shape.height / 2)) *
      shape.unit;

/** Around a cell, in the order in which Redis searches: columns and rows. */
const directions: readonly (readonly [number, number])[] = [
  [0, 1],
  [0, -1],
  [1, 0],
  [-1, 0],
  [1, 1],
  [-1, 1],
  [1, -1],
  [-1, -1],
];

/**
 * The cells to search for what lies in the shape: the one in the middle and those around it that
 * matter.
 */
export function cellsCovering(shape: Shape): Cell[] {
  const box = boundingBox(shape);
  let step = stepFor(metersOf(shape), shape.latitude);
  let middle = cellAt(shape.longitude, shape.latitude, step);
  if (step > 1 && !isReached(middle, box)) {
    step--;
    middle = cellAt(shape.longitude, shape.latitude, step);
  }
  const area = areaOf(middle);
  const around = directions.map(([columns, rows]) => {
    const isUseless =
      step >= 2 &&
      ((area.south < box.south && rows < 0) ||
        (area.north > box.north && rows > 0) ||
        (area.west < box.west && columns < 0) ||
        (area.east > box.east && columns > 0));
    return isUseless ? undefined : neighbour(middle, columns, rows);
  });
  return withoutRepetition([middle, ...around]);
}

/** Whether the cells around the middle one reach to the ends of the box, as far as it has ends. */
function isReached(middle: Cell, box: Area): boolean {
  const isShort =
    areaOf(neighbour(middle, 0, 1)).north < box.north ||
    areaOf(neighbour(middle, 0, -1)).south > box.south ||
    areaOf(neighbour(middle, 1, 0)).east < box.east ||
    areaOf(neighbour(middle, -1, 0)).west > box.west;
  return !isShort;
}

/**
 * On a coarse grid a cell may be its own neighbour's neighbour. As Redis, only the one before is
 * compared.
 */
function withoutRepetition(cells: readonly (Cell | undefined)[]): Cell[] {
  const kept: Cell[] = [];
  let last: Cell | undefined;
  for (const [index, cell] of cells.entries()) {
    if (cell === undefined || (last?.column === cell.column && last.row === cell.row)) continue;
    kept.push(cell);
    if (index > 0) last = cell;
  }
  return kept;
}

/** Whether a position can be had as a score. */
export const isOnGrid = (longitude: number, latitude: number): boolean =>
  longitude >= bounds.longitudeMin &&
  longitude <= bounds.longitudeMax &&
  latitude >= bounds.latitudeMin &&
  latitude <= bounds.latitudeMax;
