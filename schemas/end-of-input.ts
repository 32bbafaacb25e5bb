/**
 * The header of a record without key and value that says: this partition ends here, for good. Every window of it can be
 * closed. Its value is empty.
 */
export const endOfInputHeader = 'millrace-end-of-input'
