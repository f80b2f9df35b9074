"""Embeddings by peers, without labels: ``<python of its environment> embed.py <mofa|snf> <in.npz> <out.npz>``.

In: ``layer.<name>`` (samples, features), standardised, NaN where unmeasured; ``dims``, ``clusters``, ``seed``. Out:
``latent`` (samples, dims), and ``labels`` where the method makes clusters of its own.

- MOFA+: factors of all samples (`run_mofa.learn`), Gaussian, sparse weights, automatic relevance; it takes NaN as such.
- SNF (Wang et al. 2014, snfpy): networks of 20 neighbours, mu 0.5, fused in 20 rounds; the spectral embedding of the
  fused network, and its spectral clusters. Unmeasured values are the mean, as it knows no missing ones.
"""

from __future__ import annotations

import sys

import numpy as np


def mofa(layers: dict[str, np.ndarray], dims: int, seed: int) -> np.ndarray:
    """Factors."""
    from run_mofa import learn, project

    x = {name: z / np.sqrt(np.nanmean(z**2)) for name, z in layers.items()}
    weights, precisions = learn(x, seed=seed, factors=dims, iterations=1000)
    return project(x, weights, precisions)


def snf(
    layers: dict[str, np.ndarray], dims: int, clusters: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Spectral embedding and clusters of the fused network."""
    import snf as package
    from sklearn.cluster import spectral_clustering
    from sklearn.manifold import SpectralEmbedding

    filled = [np.nan_to_num(z) for z in layers.values()]
    fused = package.snf(package.make_affinity(filled, K=20, mu=0.5), K=20, t=20)
    latent = SpectralEmbedding(dims, affinity="precomputed", random_state=seed).fit_transform(fused)
    return latent, spectral_clustering(fused, n_clusters=clusters, random_state=seed)


if __name__ == "__main__":
    peer, asked, told = sys.argv[1:]
    given = np.load(asked)
    layers = {
        k.removeprefix("layer."): given[k].astype(float) for k in given if k.startswith("layer.")
    }
    if peer == "mofa":
        np.savez(told, latent=mofa(layers, int(given["dims"]), int(given["seed"])))
    else:
        latent, labels = snf(layers, int(given["dims"]), int(given["clusters"]), int(given["seed"]))
        np.savez(told, latent=latent, labels=labels)
