"""Huffman codes for symbols of known probability: the fewest bits for a message, on average.

Plain NumPy in float64: a Huffman tree is built by comparing, so there is nothing to trace.

A symbol of probability 0 needs no codeword, and a symbol that is certain needs no bits. Both have
length 0 and the empty codeword. All symbols that can occur satisfy Kraft's equality, sum 2^-l = 1.
"""

import heapq
from functools import reduce

import numpy as np
from jaxtyping import Float, Int

from course.checks import HUGE, TOLERANCE, checked, count, probabilities, refusal, within

MOST_BLOCKS = 2**20

Belief = Float[np.ndarray, " symbols"]


@checked(p=probabilities())
def huffman_lengths(p: Belief) -> Int[np.ndarray, " symbols"]:
    """Return the codeword lengths, in bits, of a Huffman code: the shortest code on average.

        sum_i p_i l_i  is least subject to  sum_i 2^-l_i <= 1,  l_i whole numbers

    The two least likely nodes are joined until one is left; a symbol's length is the number of
    times it was joined. Of equally likely nodes the oldest goes first (symbols in their order,
    before joints), which makes the result unique and the longest codeword as short as possible;
    but a tie that rounding hides, such as 0.15 + 0.19 and 0.34, is none here.

    Args:
        p: the probability of each symbol.

    Returns:
        The length of each symbol's codeword, in bits; 0 for a symbol that never occurs.

    >>> print(huffman_lengths([0.95, 0.04, 0.01]))
    [1 2 2]

    Reference: D. Huffman, A Method for the Construction of Minimum-Redundancy Codes (1952);
    T. Cover and J. Thomas, Elements of Information Theory (2nd ed., 2006), section 5.6.
    """
    # Leaves are numbered by age, joints after them; the heap finds the two least likely nodes.
    symbols = np.flatnonzero(p)
    heap = [(p[symbol], age) for age, symbol in enumerate(symbols)]
    heapq.heapify(heap)
    joint_of: list[int] = [0] * (2 * len(symbols) - 1)
    for joint in range(len(symbols), len(joint_of)):
        p_left, left = heapq.heappop(heap)
        p_right, right = heapq.heappop(heap)
        joint_of[left] = joint_of[right] = joint
        heapq.heappush(heap, (p_left + p_right, joint))
    depth = [0] * len(joint_of)
    for node in reversed(range(len(joint_of) - 1)):  # from the root, which is the last, down
        depth[node] = depth[joint_of[node]] + 1
    lengths = np.zeros(len(p), dtype=int)
    lengths[symbols] = depth[: len(symbols)]
    return lengths


@checked(p=probabilities())
def huffman_code(p: Belief) -> list[str]:
    """Return the codewords of a Huffman code, in canonical form.

    Shorter words come first, words of one length in the order of their symbols, and each is the
    binary number after the one before it: the lengths alone determine the code.

    Args:
        p: the probability of each symbol.

    Returns:
        A string of 0s and 1s for each symbol; no word is the beginning of another. A symbol that
        never occurs, or always, has the empty word.

    >>> huffman_code([0.2, 0.5, 0.3])
    ['10', '0', '11']

    Reference: E. Schwartz and B. Kallick, Generating a Canonical Prefix Encoding, Communications of
    the ACM 7 (1964), 166-169; the form used in RFC 1951, section 3.2.2.
    """
    lengths = huffman_lengths(p).tolist()
    words = [""] * len(lengths)
    number, length_before = 0, 0
    for symbol in sorted(np.flatnonzero(lengths), key=lambda symbol: lengths[symbol]):
        length = lengths[symbol]
        number <<= length - length_before
        words[symbol] = f"{number:0{length}b}"
        number, length_before = number + 1, length
    return words


@checked(p=probabilities(), length=count(1, MOST_BLOCKS))
def block_probabilities(p: Belief, length: int) -> Float[np.ndarray, " blocks"]:
    """Return the probabilities of all blocks of independent symbols.

        p(s_1 ... s_n) = p(s_1) ... p(s_n)

    Args:
        p: the probability of each symbol.
        length: the number n of symbols in a block.

    Returns:
        A distribution over len(p)**length blocks, in lexicographic order: the last symbol changes
        fastest.

    Raises:
        ValueError: if the blocks are more than a million.

    >>> print(block_probabilities([0.75, 0.25], 2))
    [0.5625 0.1875 0.1875 0.0625]

    Reference: T. Cover and J. Thomas, Elements of Information Theory (2nd ed., 2006), section 5.4.
    """
    if length * np.log2(len(p)) > np.log2(MOST_BLOCKS):
        raise refusal("length", f"at most {MOST_BLOCKS} blocks", f"{len(p)}**{length}")
    # An axis for each symbol would be too many: the blocks are a flat list all along.
    return reduce(lambda blocks, symbol: np.outer(blocks, symbol).ravel(), [p] * length)


@checked(p=probabilities(), lengths=within(0.0, HUGE, "lengths of at least 0"))
def mean_code_length(p: Belief, lengths: Float[np.ndarray, " symbols"]) -> float:
    """Return the mean number of bits that a code needs for a symbol.

        L = sum_i p_i l_i,    at least H(p) if every sequence can be decoded

    Args:
        p: the probability of each symbol.
        lengths: the length of each symbol's codeword, in bits; fractions are welcome, as in the
            ideal length log2 1/p.

    Returns:
        The mean length, in bits for each symbol.

    Raises:
        ValueError: if no prefix code for the symbols that occur has these lengths.

    >>> p = [0.95, 0.04, 0.01]
    >>> print(f"{mean_code_length(p, huffman_lengths(p)):.2f} bits")
    1.05 bits

    Reference: C. E. Shannon, A Mathematical Theory of Communication (1948), theorem 9.
    """
    kraft = np.sum(2.0 ** -lengths[p > 0])
    if kraft > 1 + TOLERANCE:
        raise refusal("lengths", "lengths of a prefix code, with a Kraft sum of at most 1", kraft)
    return float(p @ lengths)
