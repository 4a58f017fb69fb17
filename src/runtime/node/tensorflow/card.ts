import { existsSync } from "node:fs";

/** Whether the NVIDIA driver is loaded; cheap, and does not start CUDA. */
export const hasCard = (): boolean => existsSync("/proc/driver/nvidia/version");
