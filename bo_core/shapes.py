"""The glossary of tensor shapes; every tensor in `bo_core` is float64, and comments use these letters.

n   observed trials
p   pending trials
w   trials that await approval
k   tuned parameters; one coordinate each in the *unit cube*
d   features of a point, the input of the kernel; a category of c choices takes c of them, others one
g   groups of features with one length scale each: the d features, or the k parameters if categories share one
r   points of the joint draw: observed points that could be best, pending, failed, parked, already chosen
a   n + r, the points that a candidate's posterior is conditioned on
S   quasi-Monte-Carlo draws
F   fantasies: possible joint outcomes of all pending points
M   sets of hyperparameters that beliefs are averaged over
b   candidates or restarts that are computed at once
h   hyperparameters that are fitted

X   [n, d] features of the observed points
y   [n] outcomes to maximize, standardised to mean 0 and standard deviation 1
u   [n] L⁻¹(y − m), the whitened residuals; in `surrogate/` also the number of distinct observations
z   [S, r] standard normal draws, the whitened values of f at the joint draw's points
"""
