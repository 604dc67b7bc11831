"""Pure decisions: observations in, beliefs, estimates and explanations out.

    observation   what was seen, checked on entry          release     the calibration everything is read by
    fold          the set of observations, in order        framework   skills, layers and levels
    response_fold, work_update    one step of learning     alignment   which activity shows which skill
    state, response               beliefs, and the curves  estimate, explanation, claims, telling   what is said

No driver, no clock, no randomness: the same set of observations under the same release gives the same bits.
"""
