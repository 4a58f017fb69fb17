/** Pixels row by row, the channels of each together; a class for each image. */
export interface ImageSet {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
}
export interface ImageSets {
  readonly train: ImageSet;
  readonly test: ImageSet;
}
