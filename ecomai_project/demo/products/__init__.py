"""Everything the demo shop sells, department by department."""

from ecomai_project.demo.catalogue_types import Department, ProductType

from . import care, coffee, electronics, fashion, garden, home, kitchen, outdoors, stationery

DEPARTMENTS: tuple[Department, ...] = tuple(
    module.DEPARTMENT
    for module in (coffee, kitchen, home, garden, outdoors, electronics, care, fashion, stationery)
)
PRODUCT_TYPES: dict[str, ProductType] = {
    product.key: product for department in DEPARTMENTS for product in department.types
}
