/** A target that counts in no loss and no accuracy: PyTorch's `ignore_index`. */
export const IGNORED = -100;
