"""The generated demo shop: products, pictures, customers and a year of their behaviour."""
