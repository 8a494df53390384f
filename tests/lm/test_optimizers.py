import pytest
import torch

from playground.lm.optimizers import orthogonalize, orthogonalize_all


@pytest.mark.parametrize("shape", [(16, 16), (40, 16), (16, 40), (3, 16, 16)])
def test_orthogonalise_brings_every_singular_value_near_one_and_keeps_the_directions(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, values, v = torch.linalg.svd(matrix, full_matrices=False)
    assert (values.amax(-1) / values.amin(-1)).min() > 3  # they were far apart
    result = orthogonalize(matrix, steps=8)
    new = torch.linalg.svdvals(result)
    assert new.min() > 0.6
    assert new.max() < 1.3
    along = u.mT @ result @ v.mT
    torch.testing.assert_close(along, torch.diag_embed(along.diagonal(dim1=-2, dim2=-1)),
                               atol=1e-3, rtol=0)  # fmt: skip


def test_matrices_of_several_shapes_are_orthogonalized_as_each_alone():
    generator = torch.Generator().manual_seed(0)
    shapes = [(16, 16), (40, 16), (16, 40), (16, 16)]
    matrices = [torch.randn(shape, generator=generator) for shape in shapes]
    for found, matrix in zip(orthogonalize_all(matrices), matrices, strict=True):
        torch.testing.assert_close(found, orthogonalize(matrix), atol=1e-5, rtol=0)
