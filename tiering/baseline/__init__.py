"""The baseline compiler: Python source to machine code in milliseconds, for the numeric subset that loops are made of.

Numba takes 70 to 250 ms for a function of ten lines, most of it in the generality of its front end and in thousands of
lines of IR. Here a function is read once, typed as it is read, and written as LLVM IR text of a tenth of that length.
What it means is what `numba.njit(boundscheck=True)` makes it mean, to the bit; whatever lies outside the subset is
refused by name, at once, and Numba takes it.

    types, rules      the types of values, and Numba's rules for what comes of two of them
    source            a function as a syntax tree with its constants
    text              blocks of IR text
    values            typed values, and their conversion
    lowering          statements and control flow; the environment of variables
    expressions, ...  one file for each kind of expression
    engine            LLVM: IR text to machine code
"""
